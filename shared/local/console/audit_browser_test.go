package console_test

import (
	"strings"
)

// audit checks what is to be seen now: with axe-core where AXE_CORE names it,
// and always with checks of our own.
func (b *browser) audit(where string) {
	b.t.Helper()
	report := func(problem string) {
		if b.told == nil {
			b.told = map[string]bool{}
		}
		if !b.told[problem] { // once is enough
			b.told[problem] = true
			b.t.Errorf("%s: %s", where, problem)
		}
	}
	for _, problem := range js[[]string](b, ownChecks) {
		report(problem)
	}
	if b.axe == "" {
		return
	}
	if !js[bool](b, `typeof axe !== "undefined"`) {
		js[string](b, b.axe+"\n;\"\"")
	}
	for _, problem := range js[[]string](b, `axe.run(document.querySelector(":popover-open") ?? document, {resultTypes: ["violations"]}).then((r) =>
		r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.failureSummary.replaceAll("\n", " ") + " " + n.html.slice(0, 160))))`) {
		report("axe: " + strings.Join(strings.Fields(problem), " "))
	}
}

// ownChecks looks for landmarks, names of controls, labels, double ids, order of
// headings, and contrast (WCAG 2.2, 1.4.3), and returns what is wrong.
const ownChecks = `(() => {
	const problems = [];
	const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest(".unseen, .skip") && e.getClientRects().length > 0;
	for (const landmark of ["header", "main", "nav[aria-label]", "[role=search]", "[role=status][aria-live=polite]"])
		if (!document.querySelector(landmark)) problems.push("no " + landmark);
	if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1");
	if (!document.documentElement.lang) problems.push("no language");
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push("id " + id + " twice");
	for (const section of document.querySelectorAll("main > section"))
		if (!document.getElementById(section.getAttribute("aria-labelledby"))) problems.push("section " + section.id + " without a name");
	for (const control of document.querySelectorAll("a, button, input:not([type=hidden])")) {
		const name = control.getAttribute("aria-label") || control.innerText?.trim() || control.textContent.trim() || control.labels?.[0]?.innerText || (control.labels?.length && control.labels[0].textContent);
		if (!name) problems.push("no name: " + control.outerHTML.slice(0, 120));
	}
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const colours = new Map();
	const rgba = (text) => colours.get(text) ?? colours.set(text, pixel(text)).get(text);
	const pixel = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
	const over = (top, under) => { const a = top[3] / 255; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)).concat(255); };
	const ground = (e) => { const layers = []; for (; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor)); return layers.reduce((under, top) => over(top, under), rgba("white")); };
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const told = new Set();
	const judge = (e, colour, under, what) => {
		const ratio = contrast(over(colour, under), under);
		const key = what + e.className?.baseVal + e.className + colour + under;
		if (ratio < 4.5 && !told.has(key)) { told.add(key); problems.push("contrast " + ratio.toFixed(2) + ": " + what + " " + e.outerHTML.slice(0, 100)); }
	};
	for (const e of document.querySelectorAll("body *:not(svg, svg *, script)")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim()) || !seen(e)) continue;
		judge(e, rgba(getComputedStyle(e).color), ground(e), "text");
	}
	for (const e of document.querySelectorAll(".chart .node text"))
		judge(e, rgba(getComputedStyle(e).fill), rgba(getComputedStyle(e.parentElement.querySelector(".box")).fill), "state");
	return problems;
})()`
