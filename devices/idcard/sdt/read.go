package sdt

import (
	"context"

	"yichuang/devices/idcard"
)

// Read waits for a card and reads it. Before Run has tried to open the reader it waits for that; while
// the reader is not fit it returns the fault at once. A card that was read is not found again before it
// has been taken away and laid down once more.
func (r *Reader) Read(ctx context.Context) (idcard.Card, error) {
	select {
	case <-r.tried:
	case <-ctx.Done():
		return idcard.Card{}, ctx.Err()
	}
	p := presentation{reader: r}
	for {
		card, done, err := r.round(ctx, &p)
		if done || err != nil {
			return card, err
		}
		if !sleep(ctx, pollEvery) {
			return idcard.Card{}, ctx.Err()
		}
	}
}

// round holds the turn for one find, select and read.
func (r *Reader) round(ctx context.Context, p *presentation) (idcard.Card, bool, error) {
	if err := r.take(ctx); err != nil {
		return idcard.Card{}, false, err
	}
	defer func() { r.turn <- struct{}{} }()
	if r.line == nil {
		return idcard.Card{}, false, r.Fault()
	}
	card, done, err := p.step(ctx, r.line)
	r.settleFault(ctx, err)
	if ctx.Err() != nil && !done {
		err = ctx.Err()
	}
	return card, done, err
}

// presentation is how far one laying down of a card has come.
type presentation struct {
	reader  *Reader
	selects int  // how often a card was found that cannot be selected
	reads   int  // how often a selected card was not read
	lost    bool // an answer to read was lost, so that the card may rest as a read one
}

// step goes once from find to read. done says that the card is there; without it and without an error
// the caller polls on.
func (p *presentation) step(ctx context.Context, l *line) (card idcard.Card, done bool, err error) {
	answer, err := l.ask(ctx, askFind)
	if err != nil {
		return card, false, err
	}
	switch {
	case answer.sw3 == swNoCard && p.reads == 0:
		p.selects = 0
		return card, false, nil
	case answer.sw3 == swNoCard && p.lost:
		return card, false, p.fail(idcard.Unreadable)
	case answer.sw3 == swNoCard:
		return card, false, p.fail(idcard.Moved)
	case answer.sw3 != swFound:
		return card, false, p.stumble(ctx, l, askFind, answer)
	}
	if answer, err = l.ask(ctx, askSelect); err != nil {
		return card, false, err
	}
	switch {
	case answer.sw3 == swSelectFailed && p.reads == 0:
		if p.selects++; p.selects >= selectTriesMax {
			return card, false, refuse(idcard.NotIdentityCard)
		}
		return card, false, nil
	case answer.sw3 == swSelectFailed:
		return card, false, p.fail(idcard.Moved)
	case answer.sw3 != swOK:
		return card, false, p.stumble(ctx, l, askSelect, answer)
	}
	return p.read(ctx, l)
}

// read asks for the selected card's blocks. An answer that was lost is not asked for again here: the
// reader may have put the card to rest, so find comes first.
func (p *presentation) read(ctx context.Context, l *line) (card idcard.Card, done bool, err error) {
	c := askAll
	if p.reader.textOnly {
		c = askText
	}
	answer, err := l.ask(ctx, c)
	if err == nil && answer.sw3 == swUnsupported && c.para == askAll.para {
		p.reader.textOnly = true
		c = askText
		answer, err = l.ask(ctx, c)
	}
	switch {
	case again(err):
		p.lost = true
		return card, false, p.fail(idcard.Unreadable)
	case err != nil:
		return card, false, err
	case answer.sw3 != swOK:
		return card, false, p.stumble(ctx, l, c, answer)
	}
	text, photo, err := splitBlocks(answer.data)
	if err == nil {
		card, err = decodeText(text)
	}
	if err != nil {
		return idcard.Card{}, false, refuse(idcard.Unreadable)
	}
	card.Photo = photo
	if p.reader.options.NewestAddress {
		if err := newestAddress(ctx, l, &card); err != nil {
			return idcard.Card{}, false, err
		}
	}
	return card, true, nil
}

// newestAddress replaces the printed address by the one added later, when the card has one. A card whose
// later address cannot be had is refused: the older one would be wrong on paper.
func newestAddress(ctx context.Context, l *line, card *idcard.Card) error {
	answer, err := l.ask(ctx, askNewest)
	switch {
	case err != nil && !again(err):
		return err
	case err != nil:
		return refuse(idcard.Unreadable)
	case answer.sw3 == swNoContent || answer.sw3 == swUnsupported:
		return nil
	case answer.sw3 != swOK:
		return refuse(idcard.Unreadable)
	}
	b := &block{b: answer.data}
	later := b.text(0, addressBytes/2)
	if b.err != nil {
		return refuse(idcard.Unreadable)
	}
	if later != "" {
		card.Address = later
	}
	return nil
}

// stumble does what the table says about an answer that is not the wanted one.
func (p *presentation) stumble(ctx context.Context, l *line, c command, r reply) error {
	switch v := judge(r); v.act {
	case actReset:
		if _, err := l.ask(ctx, askReset); err != nil {
			return err
		}
		return p.fail(idcard.Unreadable)
	case actAgain:
		return p.fail(idcard.Unreadable)
	default:
		return failure(c.op, r)
	}
}

// fail counts a read that went wrong and asks the person after the last one.
func (p *presentation) fail(why string) error {
	if p.reads++; p.reads >= readTriesMax {
		return refuse(why)
	}
	return nil
}
