package hall

import "time"

const (
	// billWait is how long a biller may take to look up an account: a person stands there and reads that
	// the water company is being asked.
	billWait = 6 * time.Second
	// postWait is how long one call to book a payment may take. It is asked again afterwards.
	postWait = 6 * time.Second
	// billersWait is how long asking all billers for the bookings of a day may take.
	billersWait = 2 * time.Minute
	// silentMax questions without an answer are enough to know that a biller cannot be asked now.
	silentMax = 3
	// postAgainMin and postAgainMax bound the pause before a biller is asked again whether it has booked.
	// The first pause is short, because a person may still be there.
	postAgainMin = 500 * time.Millisecond
	postAgainMax = time.Minute
	// orderWait bounds one question to the order machine.
	orderWait = 20 * time.Second
	// orderAgain is the pause before an order that nobody counts on is looked at again.
	orderAgain = 2 * time.Second
	// visitGrace is how long a terminal has, after a visit that ended with an order open, to ask for its
	// end and to place what was paid. It asks every few seconds while it has a line.
	visitGrace = 30 * time.Second
	// toldGrace is how long a terminal that was told of a payment has to hand in what it did with it.
	toldGrace = 10 * time.Minute
	// orphanAfter is how long a terminal may be silent about an order that it placed before the hall lets
	// go of it. A terminal that comes back later asks, and is told that the money went back.
	orphanAfter = 2 * time.Hour
	// owedAge is after how long a slip that nobody brought, or a doubt that nobody settled, is listed as aged.
	owedAge = 30 * 24 * time.Hour
	// recheck is how often the hall asks whether another program beside this one has changed the database.
	recheck = time.Second
	// idle is how long work for which no time is set waits at most when nothing is announced.
	idle = time.Minute
	// behindWait is how long a permit or a claim waits for the consequences of what its terminal has
	// handed in before.
	behindWait = 5 * time.Second
	// workBatch is how many records' consequences are drawn in one transaction: as many as come with one push. The
	// intake waits for it.
	workBatch = 200
	// rushBatch records and more in one batch are a terminal that drains its queue; a visit's records come in fewer.
	rushBatch = 50
	// rushPause is how long the hall expects the next batch of a terminal that drains its queue.
	rushPause = 10 * time.Millisecond
	// rushMax is how long drawing consequences gives way to what is taken in, before a step of it is made all the same.
	rushMax = 500 * time.Millisecond
	// earlyWait is how long a batch that came before the one that it follows waits for it. Both have arrived, or nearly.
	earlyWait = 300 * time.Millisecond
	// codeLife is how long an enrolment code may be used.
	codeLife = 24 * time.Hour
	// certificateLife is that of a terminal's certificate; it renews at half of it by itself.
	certificateLife = 365 * 24 * time.Hour
	// serverLife is that of the hall's own certificate, which is made anew at each start.
	serverLife = 2 * 365 * 24 * time.Hour
	// caYears is the life of the TLS CA: longer than that of any terminal.
	caYears = 30
	// provenMax bounds the certificates whose signature need not be checked again: more than a hall has terminals.
	provenMax = 4096
	// skew is how far a terminal's clock may be behind.
	skew = time.Hour
	// stopWait is how long questions under way may finish when the hall stops.
	stopWait = 5 * time.Second
	// catalogMax bounds a catalogue document, as hallapi.MessageMax bounds what carries it.
	catalogMax = 24 << 20
	// differencesMax bounds the differences between catalogues that are kept; terminals have one of the last few.
	differencesMax = 16
	// formMax bounds what a form of the console may hold, in bytes.
	formMax = 64 << 10
	// workPause is how long a failing database is left alone before work goes on.
	workPause = time.Second
	// beatEvery is how often the hall says beside its database how far it is. A backup that is put back is older than
	// that, and what happened in so short a time the terminals' own cursors tell.
	beatEvery = 10 * time.Second
	// livesMax is how many lives of the hall a terminal may be ahead: more is a lie.
	livesMax = 1000
	// headerWait bounds how slowly a caller may begin.
	headerWait = 10 * time.Second
	// idleWait keeps a terminal's line open between two questions.
	idleWait = 2 * time.Minute
	// peopleWait bounds a person's request; pages are small.
	peopleWait = 30 * time.Second
)
