package ipp

import "time"

// The limits of the conversation, each with its reason.
const (
	pollEvery     = 3 * time.Second  // paper and doors are known soon enough; some printers sleep badly when asked more
	answerLimit   = 10 * time.Second // a printer that wakes up needs seconds
	documentLimit = 30 * time.Second // an A3 page of 10 MB over ipp-usb takes 20 s; half of the usual multiple-operation-time-out
	missesMax     = 2                // one lost answer is no lost printer
	lookupsMax    = 4                // looking for a job whose answer was lost
	lookupGap     = 2 * time.Second  // between those, for a printer that just restarted its network
	answerMax     = 1 << 20          // all attributes of a big printer are 100 KB
	jobsMax       = 200              // jobs looked at when one is searched by name
	remembers     = time.Minute      // how long a job that has ended is trusted to be known: IPP leaves that to the printer, and sets no least time
	upTimeSlack   = 3 * time.Second  // printer-up-time counts whole seconds, and answers take time
	documentMax   = 64 << 20         // a license is below 1 MB
)
