package hall

import "sync"

// formsMax is how many forms are remembered: those of a day at a counter.
const formsMax = 1000

// forms are the forms that did something lately. One that is sent again, by a second click or because its answer was lost, is answered again: whoever
// pays a slip would read otherwise that it had been paid before, and keep the money.
type forms struct {
	mu   sync.Mutex
	done map[string]string
	list []string
}

// once does what a form wants, unless that form has done it. A form without a name of its own is always done.
func (f *forms) once(form string, do func() (string, error)) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if said, ok := f.done[form]; ok {
		return said, nil
	}
	said, err := do()
	if err != nil || form == "" {
		return said, err
	}
	if f.done == nil {
		f.done = map[string]string{}
	}
	f.done[form] = said
	if f.list = append(f.list, form); len(f.list) > formsMax {
		delete(f.done, f.list[0])
		f.list = f.list[1:]
	}
	return said, nil
}
