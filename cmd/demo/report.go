package main

import (
	"bytes"
	"html/template"
	"path/filepath"
	"strings"
)

var page = template.Must(template.New("report").Funcs(template.FuncMap{"picture": func(s string) bool { return strings.HasSuffix(s, ".png") }}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Yichuang: the demo</title>
<style>
body{margin:0;background:#F6F3EC;color:#1B2A3A;font:16px/1.5 "Noto Sans CJK SC",sans-serif}
header{background:#17395C;color:#fff;padding:24px 48px}
section{background:#fff;border:1px solid #E7E0D2;border-radius:16px;margin:24px 48px;padding:24px}
h2{margin:0 0 12px}.yes{color:#2E7D4F}.no{color:#C8372D}
.row{display:flex;gap:12px;flex-wrap:wrap;align-items:flex-start}
figure{margin:0;width:200px}figure img{width:100%;border:1px solid #E7E0D2;border-radius:8px}
figcaption{font-size:12px;color:#5A6675;word-break:break-all}
</style>
<header><h1>Yichuang 一窗: journeys at the desk</h1><p>SEED={{.Seed}}</p></header>
{{range .Results}}<section><h2>{{.N}}. {{.Title}} <span class="{{if .Passed}}yes{{else}}no{{end}}">{{if .Passed}}passed{{else}}failed{{end}}</span></h2>
<p>case {{.Case}}</p>{{with .Why}}<pre class="no">{{.}}</pre>{{end}}
<div class="row">{{range .Screens}}<figure><a href="{{.}}"><img src="{{.}}" loading="lazy" alt="{{.}}"></a><figcaption>{{.}}</figcaption></figure>{{end}}</div>
<div class="row">{{range .Receipts}}{{if picture .}}<figure><a href="{{.}}"><img src="{{.}}" alt="{{.}}"></a><figcaption>{{.}}</figcaption></figure>{{end}}{{end}}
{{range .Licenses}}{{if picture .}}<figure style="width:420px"><a href="{{.}}"><img src="{{.}}" alt="{{.}}"></a><figcaption>{{.}}</figcaption></figure>{{end}}{{end}}</div>
</section>{{end}}</html>
`))

// report shows the journeys in order, with their pictures and papers.
func (d *demo) report() error {
	var out bytes.Buffer
	err := page.Execute(&out, struct {
		Seed    uint64
		Results []result
	}{d.seed, d.results})
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(d.out, "report.html"), out.Bytes())
}
