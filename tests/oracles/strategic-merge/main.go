// Command strategic-merge fills in the table that src/runner/pod_template/merge.rs is tested with.
//
// It does what the Orchestrator's data plane does with a pod template (stellwerk-labs/platform-orchestrator):
// k8s.io/apimachinery's strategic merge patch over a PodTemplateSpec.
//
// It reads table.json, a JSON array of objects with `name`, `original`, and `patch`, and prints each with `merged` or
// `error`. Run it with `make oracles`.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

type entry struct {
	Name     string         `json:"name"`
	Original map[string]any `json:"original"`
	Patch    map[string]any `json:"patch"`
	Merged   any            `json:"merged,omitempty"`
	Error    string         `json:"error,omitempty"`
}

// copied returns a deep copy: the library changes its arguments.
func copied(value map[string]any) map[string]any {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	result := map[string]any{}
	if err := json.Unmarshal(text, &result); err != nil {
		log.Fatal(err)
	}
	return result
}

func main() {
	table, err := os.ReadFile("table.json")
	if err != nil {
		log.Fatal(err)
	}
	var entries []entry
	if err := json.Unmarshal(table, &entries); err != nil {
		log.Fatal(err)
	}
	for i := range entries {
		one := &entries[i]
		merged, err := strategicpatch.StrategicMergeMapPatch(copied(one.Original), copied(one.Patch), corev1.PodTemplateSpec{})
		one.Merged, one.Error = nil, ""
		if err != nil {
			one.Error = err.Error()
		} else {
			one.Merged = merged
		}
	}
	// One entry a line.
	separator := "[\n"
	for _, one := range entries {
		text, err := json.Marshal(one)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s%s", separator, text)
		separator = ",\n"
	}
	fmt.Println("\n]")
}
