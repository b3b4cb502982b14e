// Command yaml prints table.json: what the Orchestrator's own command line, octl, reads from a YAML file.
//
// octl decodes the file with gopkg.in/yaml.v3 into a map[string]any and turns that into JSON (see
// internal/command/create.go of stellwerk-labs/platform-orchestrator-cli). Each row holds a document, and
// either its JSON or why it is refused. The unit tests of src/cli/yaml compare our own reading with every row.
//
// Run it with `make oracles`.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

type row struct {
	// The document, or its bytes in hexadecimal where it is not UTF-8.
	Document *string `json:"document,omitempty"`
	Hex      string  `json:"hex,omitempty"`
	// The JSON that octl makes of it.
	JSON json.RawMessage `json:"json,omitempty"`
	// Why octl refuses it.
	Error string `json:"error,omitempty"`
}

func main() {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	fmt.Println("[")
	all := documents()
	for i, document := range all {
		line, err := json.Marshal(read(document))
		if err != nil {
			panic(err)
		}
		comma := ","
		if i == len(all)-1 {
			comma = ""
		}
		fmt.Printf("%s%s\n", line, comma)
	}
	fmt.Println("]")
}

func read(document string) row {
	result := row{Document: &document}
	if !utf8.ValidString(document) {
		result = row{Hex: hex.EncodeToString([]byte(document))}
	}
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(document), &fields); err != nil {
		result.Error = err.Error()
		return result
	}
	text, err := json.Marshal(fields)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	result.JSON = text
	return result
}
