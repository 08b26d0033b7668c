package world

import (
	"context"
	"net"

	"yichuang/cmd/devsim/line"
)

const slowDoor = "slow line"

// Slow makes the terminal's line to the hall a slow, long and bad one for the connections that are made from now on: the line of a desk, on
// virtual time. The seed says which packets are lost. The answer ends it.
func (n *Network) Slow(s line.State, seed uint64) (end func(), err error) {
	l := line.New(func(ctx context.Context) (net.Conn, error) { return n.dial(ctx, "", hallDoor) })
	l.Seed(seed)
	if err := l.Set(s); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	door := n.listen(slowDoor)
	go func() {
		defer close(served)
		_ = l.Serve(ctx, door) // ends with the context
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bad = true
	return func() {
		cancel()
		<-served
	}, nil
}
