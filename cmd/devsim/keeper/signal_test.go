package keeper

import (
	"os"
	"os/signal"
	"syscall"
)

// notify swallows SIGTERM.
func notify(c chan<- os.Signal) { signal.Notify(c, syscall.SIGTERM) }
