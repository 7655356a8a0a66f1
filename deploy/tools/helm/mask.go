package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// hidden is how values that must stay inside are shown.
const hidden = "***"

// A text as short as these is found in every second sentence: it is hidden only where it stands alone in quotes.
const shortText = 6

// mask hides values of a release wherever they turn up in Helm's or the API server's words.
type mask struct {
	replacer *strings.Replacer
}

// maskOf hides what the request calls secret. A request that does not say hides every value but the names it is about.
func maskOf(request Request) mask {
	return newMask(secretsOf(request))
}

func secretsOf(request Request) []string {
	texts := request.Secrets
	if texts == nil {
		var values any
		_ = json.Unmarshal(request.Values, &values)
		texts = withoutNames(leavesOf(values), request.Release)
	}
	return texts
}

func withoutNames(texts []string, of Target) []string {
	open := []string{of.Name, of.Namespace, of.StorageNamespace}
	return slices.DeleteFunc(texts, func(text string) bool { return slices.Contains(open, text) })
}

func newMask(texts []string) mask {
	var shown []string
	for _, text := range texts {
		shown = append(shown, formsOf(text)...)
	}
	// The replacer takes the first of several that fit.
	slices.SortFunc(shown, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(shown))
	for _, text := range slices.Compact(shown) {
		pairs = append(pairs, text, strings.Replace(text, strings.Trim(text, `'"`), hidden, 1))
	}
	return mask{strings.NewReplacer(pairs...)}
}

func (m mask) hide(text string) string {
	if m.replacer == nil {
		return text
	}
	return m.replacer.Replace(text)
}

// formsOf are the ways in which a value is written: as it is, line by line, quoted, and as the data of a Secret.
func formsOf(text string) []string {
	var forms []string
	for _, form := range append(strings.Split(text, "\n"), text, unquoted(text), base64.StdEncoding.EncodeToString([]byte(text))) {
		form = strings.TrimSpace(form)
		switch {
		case form == "" || strings.Trim(form, `'"`) == "":
		case len(form) < shortText:
			forms = append(forms, `"`+form+`"`, `'`+form+`'`)
		default:
			forms = append(forms, form)
		}
	}
	return forms
}

func unquoted(text string) string {
	return strings.Trim(fmt.Sprintf("%q", text), `"`)
}

func leavesOf(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case float64:
		return []string{fmt.Sprint(value)}
	case []any:
		var all []string
		for _, item := range value {
			all = append(all, leavesOf(item)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, item := range value {
			all = append(all, leavesOf(item)...)
		}
		return all
	}
	return nil
}
