package keeper

import "time"

const (
	// quickLife and quickDeaths: a program that dies three times within a second of its start will most
	// likely die again; without a pause it would take the machine from the others.
	quickLife   = time.Second
	quickDeaths = 3
	// pauseStep and pauseMax: the pause grows, and stays below the two seconds that are promised.
	pauseStep = 250 * time.Millisecond
	pauseMax  = 1500 * time.Millisecond
	// outputWait: how long output of grandchildren is waited for after the program itself has ended.
	outputWait = 200 * time.Millisecond
	// orphanWait bounds the search for orphans at the end.
	orphanWait = 2 * time.Second
	orphanLook = 10 * time.Millisecond
	// buryPace: ended orphans cost nothing but a number; there are a few an hour.
	buryPace = 2 * time.Second
	// lineMax bounds the line in which a program says that it is ready.
	lineMax = 4096
)
