package desk

import (
	"encoding/json"
	"os"
	"path/filepath"

	"yichuang/cmd/devsim/world"
)

// document is desk.json: where every door of the desk is.
type document struct {
	Contract int    `json:"contract"`
	PID      int    `json:"pid"`
	Display  string `json:"display"`
	Bus      string `json:"bus"`
	Screen   string `json:"screen"`
	Kioskd   struct {
		Process
		State   string `json:"state"`
		Config  string `json:"config"`
		UISock  string `json:"ui_sock"`
		CtlSock string `json:"ctl_sock"`
		Log     string `json:"log"`
	} `json:"kioskd"`
	KioskUI struct {
		Process
		Log string `json:"log"`
	} `json:"kiosk_ui"`
	Hall struct {
		Process
		URL     string `json:"url"`
		Console string `json:"console"` // for people
		Config  string `json:"config"`
		State   string `json:"state"`
		Log     string `json:"log"`
	} `json:"hall"`
	Biller  service `json:"biller"`
	Gateway service `json:"gateway"`
	Devsim  struct {
		PID int    `json:"pid"`
		URL string `json:"url"`
		Log string `json:"log"`
	} `json:"devsim"`
}

// Process is a program's process now; its pid is 0 while it is down.
type Process struct {
	PID    int `json:"pid"`
	Starts int `json:"starts"`
}

type service struct {
	Process
	URL string `json:"url"`
	Log string `json:"log"`
}

// begin fills in what is known from the beginning, and takes an old desk.json away: it would be believed.
func (d *desk) begin() {
	os.Remove(d.path("desk.json")) // there is none on a new desk
	d.doc.Contract = 1
	d.doc.PID, d.doc.Devsim.PID = os.Getpid(), os.Getpid()
	d.doc.Devsim.Log = d.logPath("devsim")
	d.doc.Screen = d.settings.values["screen.size"]
	k := &d.doc.Kioskd
	k.State, k.Config, k.Log = d.path("terminal"), d.path("kiosk.toml"), d.logPath("kioskd")
	k.UISock, k.CtlSock = filepath.Join(d.runtime, "ui.sock"), filepath.Join(d.runtime, "ctl.sock")
	d.doc.KioskUI.Log = d.logPath("kiosk-ui")
	d.doc.Hall.Config, d.doc.Hall.State, d.doc.Hall.Log = d.path("hall.toml"), d.path("hall"), d.logPath("halld")
	d.doc.Biller.Log, d.doc.Gateway.Log = d.logPath("biller"), d.logPath("gateway")
}

func (d *desk) path(name string) string { return filepath.Join(d.o.Dir, name) }

// process is where a program's process stands in the document.
func (d *document) process(name string) *Process {
	switch name {
	case "kioskd":
		return &d.Kioskd.Process
	case "kiosk-ui":
		return &d.KioskUI.Process
	case "halld":
		return &d.Hall.Process
	case "biller":
		return &d.Biller.Process
	case "gateway":
		return &d.Gateway.Process
	}
	return nil
}

// changed takes a new process into the document.
func (d *desk) changed(name string, pid, starts int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if pid > 0 {
		d.log.Info("started", "program", name, "pid", pid, "starts", starts)
	} else {
		d.log.Info("ended", "program", name)
	}
	if p := d.doc.process(name); p != nil {
		p.PID, p.Starts = pid, starts
		if pid > 0 {
			d.world.Log.Add("desk", "host", nil, name+" was started")
		} else {
			d.world.Log.Add("desk", "host", nil, name+" has ended")
		}
	}
	if err := d.writeDocument(); err != nil {
		d.log.Error("desk.json", "err", err)
	}
}

// writeDocument writes desk.json, from the time on when all is up. The caller holds the lock.
func (d *desk) writeDocument() error {
	if !d.prepared {
		return nil
	}
	data, err := json.MarshalIndent(d.doc, "", "  ")
	if err != nil {
		return err
	}
	return world.WriteFile(d.path("desk.json"), append(data, '\n'))
}
