// Command pod-template fills in the table that src/runner/pod_template/merged_pod.rs is tested with.
//
// It does with a pod template what the Orchestrator's data plane does (`GetJobSpec` in
// stellwerk-labs/platform-orchestrator-dp) and then what an API server does with the Job: it merges the template into the
// Orchestrator's own, sets the defaults, and validates the Job with the code of kube-apiserver.
//
// It reads table.json, a JSON array of objects with `name` and `template`, and prints each with its `errors`, which are
// empty for a valid Job. Run it with `make oracles`.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/registry/batch/job"
)

type entry struct {
	Name     string         `json:"name"`
	Template map[string]any `json:"template"`
	Errors   []string       `json:"errors"`
}

// own is the Orchestrator's own template, with one variable of its container.
const own = `{
	"metadata": {},
	"spec": {
		"restartPolicy": "Never",
		"serviceAccountName": "sa",
		"containers": [{
			"name": "main",
			"image": "runner:1",
			"imagePullPolicy": "IfNotPresent",
			"args": ["standard"],
			"env": [{"name": "LOG_LEVEL", "value": "info"}],
			"resources": {"requests": {"memory": "1Gi"}},
			"volumeMounts": [{"name": "tofu", "mountPath": "/opt/runner/tofu"}],
			"securityContext": {
				"allowPrivilegeEscalation": false,
				"capabilities": {"drop": ["ALL"]},
				"runAsNonRoot": true,
				"seccompProfile": {"type": "RuntimeDefault"}
			}
		}],
		"volumes": [{"name": "tofu", "emptyDir": {}}]
	}
}`

// validate returns why an API server refuses the Job with this template.
func validate(template map[string]any) []string {
	text, err := json.Marshal(template)
	if err != nil {
		log.Fatal(err)
	}
	merged, err := strategicpatch.StrategicMergePatch([]byte(own), text, corev1.PodTemplateSpec{})
	if err != nil {
		return []string{err.Error()}
	}
	external := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job", Namespace: "ns", UID: "uid"}}
	fields := map[string]any{}
	if err := json.Unmarshal(merged, &fields); err != nil {
		log.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &external.Spec.Template); err != nil {
		return []string{err.Error()}
	}
	legacyscheme.Scheme.Default(external)
	internal := &batch.Job{}
	if err := legacyscheme.Scheme.Convert(external, internal, nil); err != nil {
		return []string{err.Error()}
	}
	job.Strategy.PrepareForCreate(context.Background(), internal)
	errors := []string{}
	for _, one := range job.Strategy.Validate(context.Background(), internal) {
		errors = append(errors, fmt.Sprintf("%s: %s", one.Field, one.ErrorBody()))
	}
	return errors
}

func main() {
	// As in EKS, whose API servers run with --allow-privileged.
	capabilities.Setup(true, 0)
	table, err := os.ReadFile("table.json")
	if err != nil {
		log.Fatal(err)
	}
	var entries []entry
	if err := json.Unmarshal(table, &entries); err != nil {
		log.Fatal(err)
	}
	// One entry a line.
	separator := "[\n"
	for _, one := range entries {
		one.Errors = validate(one.Template)
		text, err := json.Marshal(one)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s%s", separator, text)
		separator = ",\n"
	}
	fmt.Println("\n]")
}
