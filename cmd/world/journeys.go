package world

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"yichuang/devices/cash/coinpath"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
)

// Journey is what a citizen does from the home page to the home page, and what has come of it when nothing went wrong.
type Journey struct {
	Name string
	Live func(c *Citizen, rng *rand.Rand)
	Came func(b *casefile.Book) bool
	Cash bool // only at a terminal that takes cash
}

// journeys are all of them. Every act with money or paper is in one.
var Journeys = []Journey{
	{"cash", (*Citizen).payInNotes, func(b *casefile.Book) bool { return paid(b) || b.Placed.Bills == 0 && len(b.Owed) > 0 }, true},
	{"change", (*Citizen).payWithChange, func(b *casefile.Book) bool { return paid(b) && (len(b.Stock.Paid) > 0 || len(b.Owed) > 0) }, true},
	{"qr", (*Citizen).payByPhone, func(b *casefile.Book) bool {
		return b.QRPaid.Sub(b.Placed.Refunded) == b.Placed.Bills && (paid(b) || b.Placed.Refunded > 0)
	}, false},
	{"license", (*Citizen).takeLicense, licensed, false},
	{"offline", (*Citizen).applyForLater, func(b *casefile.Book) bool { return !licensed(b) && len(b.Cases) == 1 }, false},
	{"sync", (*Citizen).comeBackLater, licensed, false},
}

// paid: a bill was paid whole.
func paid(b *casefile.Book) bool {
	for _, c := range b.Cases {
		if c.Due > 0 && b.Placed.Bills == c.Due {
			return true
		}
	}
	return false
}

// licensed: the original and its duplicate came out.
func licensed(b *casefile.Book) bool {
	n := 0
	for _, s := range b.Sheets {
		if s.State == casefile.LicensePrinted {
			n++
		}
	}
	return n == 2
}

// payInNotes pays a bill in notes, as a rule with too much, which is owed or kept by the company; or changes his mind with
// some of them inside. Then the day ends.
func (c *Citizen) payInNotes(rng *rand.Rand) {
	due, givesUp := 100+rng.Int64N(20000), c.deal("gives up", 4) == 0
	if givesUp {
		due += 5000
	}
	number := c.account([]string{"owed", "balance"}[rng.IntN(2)], due)
	c.toCash(number)
	after := c.hindered(rng)
	defer func() { after(); c.evening() }()
	if c.Breaks > 0 {
		return
	}
	faces := []money.Fen{10000, 5000, 2000, 1000, 500, 100}
	if givesUp {
		c.note(5000)
		c.touch("pay.cancel", "choice.rest.owed")
		c.leave()
		return
	}
	for in, at := c.paying(), rng.IntN(4); c.Err == nil && in < money.Fen(due); {
		if c.note(faces[at]) {
			in, at = in.Add(faces[at]), rng.IntN(4)
		} else if at++; at == len(faces) {
			c.Fail(fmt.Errorf("no note is taken any more"))
		}
	}
	c.leave()
}

// hindered has the acceptor of notes stop in the midst of a payment, or the disk, until staff have seen to it; to some of it
// after the visit.
func (c *Citizen) hindered(rng *rand.Rand) (after func()) {
	switch c.deal("hindered", 16) {
	case 0, 1:
		c.jam(rng.IntN(2) == 0)
	case 2:
		c.fillBox()
	case 3, 4:
		c.pullPlug(rng.IntN(2) == 0)
	case 5:
		return c.fillDisk(rng)
	case 6:
		c.breakDisk(rng)
	case 10, 11:
		c.noisily("cash", func() { c.note(100) })
	case 12:
		c.Fail(c.notes.Faults().Arm("lost_reply", 1))
		c.slowly(func() { c.note(100) })
	case 13:
		c.cheat()
	case 14, 15:
		c.goneForLong()
	}
	return func() {}
}

// pullPlug has the line to the acceptor be lost, sometimes with a note in escrow, and staff put the plug in again.
func (c *Citizen) pullPlug(escrow bool) {
	id, before := 0, c.inside()
	if escrow {
		c.Unheard++
		id = c.push(100)
		c.soon("the note is validated", func() bool { return c.notes.Path().Leg() == notepath.InEscrow })
	}
	c.Pull("cash")
	c.says(front.SayCashClosed)
	c.Plug()
	if escrow {
		c.Until("the note has come to its end", func() bool { return c.notes.Path().Fate(id).Final() })
		if c.Err == nil && c.notes.Path().Fate(id) == notepath.Stacked {
			c.Until("the note is money", func() bool { return c.inside() == before.Add(100) })
		}
	}
	c.notesGoOn()
}

// fillDisk fills the terminal's disk with something else. When it has come to its end, no service begins any more, until staff make room and start
// the program again.
func (c *Citizen) fillDisk(rng *rand.Rand) (makeRoom func()) {
	given := c.FillDisk(rng.Int64N(roomMax))
	return func() {
		if c.Err == nil && given() {
			c.Until("nothing is offered on a full disk", func() bool { v := c.Stage.View(); return !v.Can("home.pay") && !v.Can("home.apply") })
		}
		c.startAgain()
	}
}

// roomMax is how many bytes are left on a disk that will be full.
const roomMax = 16 << 10

// breakDisk has the disk fail while notes go in. The program ends for it and is started again, and the visit comes to its end as after a power cut.
func (c *Citizen) breakDisk(rng *rand.Rand) {
	failed := c.Disk.Fail(rng.IntN(opsMax))
	c.Until("the disk has failed", func() bool {
		c.notes.Path().Offer(100, money.CNY, notepath.Genuine) // there may be one in the mouth still
		select {
		case <-failed:
			return true
		default:
			return false
		}
	})
	c.Breaks, c.Unheard = c.Breaks+1, c.Unheard+1
	c.startAgain()
}

// opsMax is after how many operations at most a disk fails in the midst of a payment.
const opsMax = 60

// startAgain starts the program again, on a disk that is well.
func (c *Citizen) startAgain() {
	if c.Err != nil {
		return
	}
	c.Fail(c.Again())
	c.Until("the program has opened its journal", c.Ready)
	c.Rest()
	c.Until("all services", c.AllOpen)
}

// push pushes a note in and gives its name.
func (c *Citizen) push(face int64) (id int) {
	c.soon("the mouth is free", func() bool {
		var err error
		id, err = c.notes.Path().Offer(face, money.CNY, notepath.Genuine)
		return err == nil
	})
	return id
}

// jam has a note stick in the acceptor, as it is drawn in or behind the escrow, and a hand free it.
func (c *Citizen) jam(escrow bool) {
	if !escrow {
		c.Fail(c.notes.Faults().Arm("jam", 1))
	}
	before, id := c.inside(), c.push(100)
	if escrow {
		c.soon("the note is validated", func() bool { return c.notes.Path().Leg() == notepath.InEscrow })
		c.Fail(c.notes.Faults().Arm("jam", 1))
	}
	c.says(front.SayNoteJam)
	c.Fail(c.Unjam())
	c.soon("the note has come to its end", func() bool { return c.notes.Path().Fate(id).Final() })
	if c.notes.Path().Fate(id) == notepath.Stacked {
		c.soon("the note is money", func() bool { return c.inside() == before.Add(100) })
	}
	c.notesGoOn()
}

// goneForLong has the line to the acceptor be lost while a note is on its way, for so long that it is in doubt; and in doubt no
// longer when the acceptor tells of it at last, while its person stands there: then it is owed.
func (c *Citizen) goneForLong() {
	c.Silences++
	doubtful := func() (is bool) {
		c.Journal.Book(func(b *casefile.Book) {
			for _, n := range b.Notes {
				is = is || n.State == casefile.NoteDoubtful
			}
		})
		return is
	}
	c.push(100)
	c.soon("the note is on its way into the box", func() bool { return c.notes.Path().Leg() == notepath.Stacking })
	c.Pull("cash")
	c.slowly(func() {
		c.Until("the note is in doubt", func() bool {
			if v := c.Stage.View(); v.Can("timeout.more") {
				c.touch("timeout.more")
			}
			return doubtful()
		})
	})
	c.Plug()
	c.Until("the acceptor has told of the note", func() bool { return !doubtful() })
	c.notesGoOn()
}

// paying is what the case has for which notes are taken.
func (c *Citizen) paying() (sum money.Fen) {
	c.Journal.Book(func(b *casefile.Book) {
		if now := b.Cases[b.CashOpen]; now != nil {
			sum = now.Visiting
		}
	})
	return sum
}

// noisily does something while a device's answers arrive damaged, no more of them in a row than a driver asks for anew: its line is not given up.
func (c *Citizen) noisily(device string, do func()) {
	lines := c.Lines(device)
	c.Disturb(device, damagedMax)
	c.slowly(do)
	if now := c.Lines(device); c.Err == nil && now != lines {
		c.Fail(fmt.Errorf("%s: its line was given up for %d damaged answers", device, damagedMax))
	}
}

// damagedMax is how many answers in a row every driver can do without.
const damagedMax = 2

// slowly does something for which a mechanism may have to be asked more than once.
func (c *Citizen) slowly(do func()) {
	patience := c.Patience
	c.Patience = 0
	do()
	c.Patience = patience
}

// cheat has a note look like an attempt to cheat: it comes back, and notes are taken again.
func (c *Citizen) cheat() {
	c.Fail(c.notes.Faults().Arm("fraud", 1))
	id := c.push(100)
	c.soon("the note is back", func() bool { f := c.notes.Path().Fate(id); return f == notepath.Refused || f == notepath.Returned })
	c.Fail(c.notes.Faults().Arm("fraud", 0))
	c.notesGoOn()
}

// fillBox has the box of notes be full, and staff exchange it.
func (c *Citizen) fillBox() {
	c.Fail(c.notes.Faults().Arm("box_full", 1))
	c.says(front.SayBoxFull)
	c.Fail(c.notes.Faults().Arm("box_full", 0))
	c.exchangeBox()
	c.notesGoOn()
}

// says waits for what the screen says.
func (c *Citizen) says(p front.Phrase) {
	c.soon("the screen says "+string(p), func() bool { return c.said(p) })
}

func (c *Citizen) said(p front.Phrase) bool {
	m := c.Stage.View().Message
	return m != nil && m.Phrase == p
}

// notesGoOn waits until notes are taken again.
func (c *Citizen) notesGoOn() {
	c.Until("notes are taken again", func() bool { v := c.Stage.View(); return v.Money != nil && v.Money.Taking })
}

// payWithChange pays with coins and a note, and gets change; or a slip, because the hoppers give none, which staff see to.
func (c *Citizen) payWithChange(rng *rand.Rand) {
	trouble, midst := []string{purseJam, purseEmpty, plugOut, "", "", ""}[c.deal("trouble", 6)], rng.IntN(2) == 0
	armed := trouble != "" && trouble != plugOut
	if armed && !midst {
		c.Fail(c.Purse.Arm(trouble, 1))
	}
	c.coinsAndNote(rng, c.deal("unseen", 5) == 0)
	lines := c.Lines("payout")
	if trouble != plugOut && c.deal("payout noise", 4) == 0 {
		c.Disturb("payout", damagedMax)
	}
	if trouble == plugOut || armed && midst {
		c.Until("a piece has come out", func() bool { _, _, out := c.unbooked(); n, _ := pieces(out); return n > 0 })
	}
	switch {
	case trouble == plugOut:
		c.slowly(c.payerAway)
	case armed && midst:
		c.Fail(c.Purse.Arm(trouble, 1))
	}
	c.leave()
	if now := c.Lines("payout"); c.Err == nil && trouble != plugOut && now != lines {
		c.Fail(fmt.Errorf("payout: its line was given up for %d damaged answers", damagedMax))
	}
	if armed {
		c.Fail(c.Purse.Arm(trouble, 0))
	}
	if trouble != "" {
		c.payClaims()
	}
	c.SettleDoubts() // of the coin that nobody saw
	c.emptyCoins()
	c.countStock()
}

// plugOut is the trouble that the line to what pays is lost while it pays.
const plugOut = "plug"

// payerAway has the plug of what pays be out for a while: it goes on by itself, and tells afterwards what it has paid.
func (c *Citizen) payerAway() {
	lines := c.Lines("payout") // 0 when the acceptor of notes pays, over a line of its own
	c.Pull("payout")
	time.Sleep(80 * glance)
	c.Plug()
	c.Until("what came out is known to the last piece", func() bool {
		_, _, out := c.unbooked()
		over, short := pieces(out)
		return over == 0 && short == 0
	})
	if c.Err == nil && lines > 0 && c.Lines("payout") == lines {
		c.Fail(fmt.Errorf("payout: its plug was out, and its line is the same"))
	}
}

// coinsAndNote puts coins in and a note of which change is due, and says whether it was taken. What pays may have no small change: then a small
// coin comes back, and the bill is one that needs none.
func (c *Citizen) coinsAndNote(rng *rand.Rand, unseen bool) (taken bool) {
	due, small := 700+50*rng.Int64N(28), money.Fen(50) // 21.00 at most: 21.50 would need no change
	if !c.Purse.Pays(small) {
		due, small = due-due%100, 100
	}
	c.toCash(c.account("owed", due))
	if rng.IntN(5) == 0 {
		c.noisily("coins", func() { c.coin(100) })
	} else {
		c.coin(100)
	}
	if unseen {
		c.unseenCoin(small)
	}
	if small == 100 {
		c.coinBack(50)
	}
	c.coin(small)
	return c.note(2000)
}

// coinBack drops a coin in and waits until it is out again.
func (c *Citizen) coinBack(face money.Fen) {
	if c.Err != nil {
		return
	}
	before := tally(c.coins.Path().World().Returned)
	c.coins.Path().Insert(int64(face), money.CNY, coinpath.Genuine)
	c.soon("the coin is back", func() bool { return len(tally(c.coins.Path().World().Returned).Minus(before)) > 0 })
}

// unseenCoin falls into the box past the sensor that counts it, and the acceptor says so.
func (c *Citizen) unseenCoin(face money.Fen) {
	c.Fail(c.coins.Faults().Arm("swallow", 1))
	c.drop(face)
	c.soon("the terminal has heard of a coin that nobody saw", func() (heard bool) {
		c.Journal.Book(func(b *casefile.Book) { heard = len(b.Unknown) > 0 })
		return heard
	})
}

// payByPhone pays by a code on the screen, or by one on the phone; sometimes after another one that he let be.
func (c *Citizen) payByPhone(rng *rand.Rand) {
	due := 1 + rng.Int64N(50000)
	number := c.account("balance", due)
	c.toBill(number)
	c.touch("form.next")
	c.page("method")
	switch c.deal("phone", 8) {
	case 0, 1:
		c.touch("pay.show")
		c.Until("a code to be scanned", func() bool { return c.Stage.View().Code != "" })
		c.touch("pay.cancel")
		c.page("method")
	case 2:
		c.phoneRefuses([]string{"paying_then_cancel", "not_enough"}[rng.IntN(2)])
	case 3:
		c.payTwice(rng)
		return
	case 4:
		c.payInVain(rng)
		return
	}
	lost := rng.IntN(4) == 0
	c.byPhone(rng)
	c.booking()
	if lost {
		c.loseLine([]string{"nav.home", "pay.cancel"}[rng.IntN(2)])
		return
	}
	c.leave()
}

// phoneRefuses has the phone not pay, and the citizen choose anew.
func (c *Citizen) phoneRefuses(outcome string) {
	c.touch("pay.show")
	c.Until("a code to be scanned", func() bool { return c.Stage.View().Code != "" })
	if c.Err == nil {
		c.Fail(c.Land.phone("scan", map[string]any{"code_url": c.Stage.View().Code, "outcome": outcome, "after_ms": 1500}, nil))
	}
	c.touch("pay.cancel")
	c.page("method")
}

// payTwice lets a code be while the phone pays it all the same, and pays once more: what was paid first comes back.
func (c *Citizen) payTwice(rng *rand.Rand) {
	c.Fail(c.Land.phoneFault([]string{"paid_at_close", "paid_after_close"}[rng.IntN(2)]))
	c.touch("pay.show")
	c.Until("a code to be scanned", func() bool { return c.Stage.View().Code != "" })
	c.touch("pay.cancel")
	if c.page("method", "rate", "take", "goodbye") == "method" { // else it was paid in time
		c.byPhone(rng)
	}
	c.leave()
	c.settledByPhone()
}

// payInVain pays by phone what the company does not book: it comes back. Some of the gateway's answers to that are not what it should say.
func (c *Citizen) payInVain(rng *rand.Rand) {
	c.Fail(call(c.Net, http.MethodPut, billerDoor, "/desk/faults", map[string]any{"shape": "refuse_post", "count": 1}, nil))
	if shape := []string{"", "refund_lost", "refund_500", "refund_processing"}[rng.IntN(4)]; shape != "" {
		c.Fail(c.Land.phoneFault(shape))
	}
	c.byPhone(rng)
	c.leave()
	c.settledByPhone()
}

// settledByPhone waits until all that phones have paid is booked or has come back.
func (c *Citizen) settledByPhone() {
	c.slowly(func() {
		c.Until("what phones have paid is booked or comes back", func() bool { // a refund may take half a minute, and is asked about now and then
			kept, err := c.Land.taken()
			bills := money.Fen(0)
			c.Journal.Book(func(b *casefile.Book) { bills = b.Placed.Bills })
			return err == nil && kept == bills
		})
	})
}

// loseLine has the line break off while the phone pays: the citizen goes home with a number, and what he paid is booked when the line is back.
func (c *Citizen) loseLine(way string) {
	c.Net.Cut(true)
	c.Until("the screen says that there is no line", func() bool { return c.said(front.WaitLine) })
	c.touch(way)
	c.Until("the screen says that the payment is not clear", func() bool { return c.said(front.SayOrderUnknown) })
	c.leave()
	c.Net.Cut(false)
	c.Until("what was paid is booked", func() (booked bool) {
		c.Journal.Book(func(b *casefile.Book) { booked = paid(b) })
		return booked
	})
}

// byPhone pays by phone, one way or the other.
func (c *Citizen) byPhone(rng *rand.Rand) {
	before := c.attempts()
	if rng.IntN(2) == 0 {
		c.touch("pay.show")
		c.Until("a code to be scanned", func() bool { return c.Stage.View().Code != "" })
		if c.Err == nil {
			c.Fail(c.Land.phone("scan", map[string]any{"code_url": c.Stage.View().Code, "outcome": "paying_then_success", "after_ms": 1500}, nil))
		}
	} else {
		var code struct {
			AuthCode string `json:"auth_code"`
		}
		c.Fail(c.Land.phone("codes", map[string]any{"outcome": "paying_then_success", "after_ms": 1500}, &code))
		c.touch("pay.scan")
		c.Until("the code is read", func() bool { // held there until it counts: the scanner may have looked for another page's code
			if c.codes.Looking() {
				c.Fail(c.codes.Show([]byte(code.AuthCode)))
			}
			time.Sleep(40 * glance)
			return c.attempts() > before
		})
	}
}

// attempts is how often the citizen has tried to pay by phone.
func (c *Citizen) attempts() (n int) {
	c.Journal.Book(func(b *casefile.Book) { n = len(b.Orders) })
	return n
}

// takeLicense applies and takes the license home. Sometimes a blank gets stuck half-way, which staff take out, and another one is printed;
// and sometimes they find afterwards that one is creased.
func (c *Citizen) takeLicense(rng *rand.Rand) {
	way := c.deal("license", 4)
	if way == 0 {
		c.takeLicenseOfRestaurant(rng)
		return
	}
	sticks := way == 1
	if sticks {
		c.Fail(c.sheets.Faults().Arm("jam", 1))
	}
	c.apply(rng)
	if sticks {
		c.Until("the screen says that the printer does not print", func() bool { return c.said(front.SayNoDevice) })
		c.Fail(c.Unjam())
	}
	c.leave()
	c.reader.Take()
	if rng.IntN(2) == 0 {
		c.voidBlank([]string{"tray-1", "tray-2"}[rng.IntN(2)])
	}
}

// restaurant is a trade that needs a permit first, so that a person decides.
const restaurant = "6210"

// takeLicenseOfRestaurant applies, goes home with a slip, and comes back when a person at the hall has approved it.
func (c *Citizen) takeLicenseOfRestaurant(rng *rand.Rand) {
	c.fillIn(rng, restaurant)
	c.signAndSubmit()
	c.leave()
	c.reader.Take()
	c.judge(true)
	c.collect(rng)
}

// applyForLater hands a form in without a line. What the hall decides of it when the line is back is for another day; sometimes a person there
// refuses it.
func (c *Citizen) applyForLater(rng *rand.Rand) {
	trade := []string{"", "", restaurant}[c.deal("trade", 3)]
	c.applyOffline(rng, trade)
	if trade == restaurant {
		c.judge(false)
	}
}

// applyOffline hands a form in while there is no line, and takes a slip home: on a plain sheet when the roll has come to its end.
func (c *Citizen) applyOffline(rng *rand.Rand, trade string) {
	c.Net.Cut(true)
	c.Until("the terminal knows that there is no line", func() bool { return !c.Link.Up() })
	c.fillIn(rng, trade)
	ends := rng.IntN(2) == 0
	if ends {
		c.endRoll()
	}
	c.signAndSubmit()
	c.leave()
	c.reader.Take()
	if ends {
		c.newRoll()
	}
	c.Net.Cut(false)
	c.Until("the line is back", c.Link.Up)
}

// comeBackLater hands a form in without a line and comes back with the card when there is one.
func (c *Citizen) comeBackLater(rng *rand.Rand) {
	c.applyOffline(rng, "")
	c.delivered()
	if c.deal("slip", 3) == 0 {
		c.askWithSlip()
	}
	switch c.deal("leave to print", 4) {
	case 0:
		c.loseLeave()
	case 1:
		c.loseLeave()
		c.voidBlank("tray-1")
	}
	c.collect(rng)
}

// loseLeave has the terminal ask for leave to print an original, of which it does not hear: it will ask again, for the same blank or for another one.
func (c *Citizen) loseLeave() {
	id, serial := "", ""
	c.Journal.Book(func(b *casefile.Book) {
		for _, one := range b.Cases {
			if one.Submitted {
				id = one.ID
			}
		}
		serial, _ = b.Trays["tray-1"].Next()
	})
	c.Until("the hall gives leave to print", func() bool {
		given, err := c.Link.Permit(context.Background(), id, "original", serial, "")
		return err == nil && given.Permit != ""
	})
}

// collect comes back with the card and prints what was approved.
func (c *Citizen) collect(rng *rand.Rand) {
	c.touch("home.look")
	c.page("identify")
	c.lay(rng)
	c.page("cases")
	c.touch("case.print")
	c.leave()
	c.reader.Take()
}

// coin drops a coin in and waits until it is money.
func (c *Citizen) coin(face money.Fen) {
	before := c.inside()
	c.drop(face)
	c.soon("the coin is money", func() bool { return c.inside() == before.Add(face) })
}

// drop drops a coin in. One that comes back, for a hopper of its kind is not ready yet, is dropped in again.
func (c *Citizen) drop(face money.Fen) {
	fate := coinpath.Returned
	for tries := 0; c.Err == nil && fate == coinpath.Returned && tries < 5; tries++ {
		if tries > 0 {
			time.Sleep(80 * glance)
		}
		id := c.coins.Path().Insert(int64(face), money.CNY, coinpath.Genuine)
		c.soon("the coin has come to its end", func() bool { fate = c.coins.Path().Fate(id); return fate.Final() })
	}
}

// apply fills the form in and hands it in.
func (c *Citizen) apply(rng *rand.Rand) {
	c.fillIn(rng, "")
	c.signAndSubmit()
}

// fillIn fills the form in, for a trade or for the first one that is offered.
func (c *Citizen) fillIn(rng *rand.Rand, trade string) {
	c.touch("home.apply", "service.license.individual", "form.next")
	c.page("identify")
	c.lay(rng)
	c.page("form")
	c.fill(fmt.Sprintf("示例%s号", string([]rune("甲乙丙丁戊己庚辛壬癸")[rng.IntN(10)])), trade)
}

// signAndSubmit signs the form and hands it in.
func (c *Citizen) signAndSubmit() {
	c.page("sign")
	strokes := []front.Stroke{{{X: 100, Y: 100}, {X: 150, Y: 900}}, {{X: 200, Y: 100}, {X: 250, Y: 900}}, {{X: 300, Y: 100}, {X: 350, Y: 900}}}
	if c.Err == nil {
		_, err := c.do(front.Act{ID: front.StrokesAct, Strokes: strokes})
		c.Fail(err)
	}
	c.touch("form.next")
	c.page("review")
	c.touch("form.next")
}

// lay lays a card down that belongs to nobody.
func (c *Citizen) lay(*rand.Rand) {
	if c.Err == nil {
		c.Fail(c.reader.Lay(sdtsim.Card{Kind: "citizen", Name: "张三", Sex: "1", Ethnicity: "01", Birth: "19700101", Address: "北京市东城区示例胡同1号",
			Number: numberOf("11019919700101901"), Authority: "北京市公安局东城分局", ValidFrom: "19980101", ValidTo: "20180101"}))
	}
}

// numberOf puts the check character behind a made-up number (ISO 7064 MOD 11-2).
func numberOf(head string) string {
	sum := 0
	for i, digit := range head {
		weight := 1
		for range 17 - i {
			weight = weight * 2 % 11
		}
		sum += int(digit-'0') * weight
	}
	return head + string("10X98765432"[sum%11])
}

// fill answers every question of the form with the first answer that is offered, but for the trade, if it is given.
func (c *Citizen) fill(text, trade string) {
	for range 60 {
		v := c.Stage.View()
		switch {
		case c.Err != nil || v.Page != "form":
			return
		case v.Can("choice.declare.yes"):
			c.touch("choice.declare.yes", "form.next")
		case len(v.Fields) > 0:
			if _, err := c.do(front.Act{Revision: v.Revision, ID: front.TextAct, Field: v.Fields[0].Name, Text: text}); err != nil {
				c.Fail(err)
			}
			c.touch("form.next")
		case len(v.Choices) > 0:
			choice := v.Choices[0]
			for _, other := range v.Choices { // groups and trades are codes that begin with their group's
				if under, ok := strings.CutPrefix(other.ID, "choice.trade."); ok && strings.HasPrefix(trade, under) {
					choice = other
				}
			}
			c.touch(choice.ID)
			if !choice.More {
				c.touch("form.next")
			}
		}
		time.Sleep(2 * glance)
	}
	c.Fail(fmt.Errorf("the form has no end"))
}
