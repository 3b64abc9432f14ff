package report

import (
	"embed"
	"html/template"
)

//go:embed templates
var templates embed.FS

// pages are the templates of what people read.
var pages = template.Must(template.New("").Funcs(functions).ParseFS(templates, "templates/*.html"))

var functions = template.FuncMap{
	"number": number, "day": day, "minute": minute, "second": second, "iso": iso, "because": because,
}

// timelineView is a timeline as its page shows it.
type timelineView struct {
	Timeline
}

func timelinePage(t Timeline) timelineView { return timelineView{Timeline: t} }
