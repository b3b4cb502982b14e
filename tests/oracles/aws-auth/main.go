// Prints how aws-iam-authenticator reads `aws-auth`: the oracle of the provider's own reading.
//
// It runs the authenticator's own server with its EKSConfigMap backend and asks it about each map of maps.go. The API
// server that it watches and the STS that verifies its tokens are stand-ins in this process; everything between
// (ParseMap, the mapper, the templates, the webhook's response) is the real code. Each map is asked about many times,
// because the authenticator picks by chance between lines that differ only in case.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	authentication "k8s.io/api/authentication/v1beta1"

	"sigs.k8s.io/aws-iam-authenticator/pkg/config"
	"sigs.k8s.io/aws-iam-authenticator/pkg/mapper"
	"sigs.k8s.io/aws-iam-authenticator/pkg/server"
)

const (
	account   = "123456789012"
	role      = "Runner"
	accessKey = "ASIAORACLE0000000000"
)

// answer is what the authenticator responds with: a user, or a refusal.
type answer struct {
	Admitted bool     `json:"admitted"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// verdict is one map and every answer that it gets.
type verdict struct {
	Name    string            `json:"name"`
	Session string            `json:"session"`
	Data    map[string]string `json:"data"`
	Answers []answer          `json:"answers"`
}

func main() {
	events := make(chan map[string]string)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { watch(w, r, events) }))
	session := ""
	http.DefaultTransport = transport{http.DefaultTransport, &session}
	seen := make(loads, 16)
	logrus.SetOutput(io.Discard)
	logrus.AddHook(seen)

	directory, err := os.MkdirTemp("", "aws-auth-oracle")
	check(err)
	defer os.RemoveAll(directory)
	check(os.Setenv("AWS_EC2_METADATA_DISABLED", "true"))
	authenticator := server.New(context.Background(), config.Config{
		PartitionID:               "aws",
		ClusterID:                 "oracle",
		Hostname:                  "127.0.0.1",
		Address:                   "127.0.0.1",
		HostPort:                  freePort(),
		StateDir:                  directory,
		GenerateKubeconfigPath:    filepath.Join(directory, "webhook.yaml"),
		Master:                    api.URL,
		BackendMode:               []string{mapper.ModeEKSConfigMap},
		EC2DescribeInstancesQps:   15,
		EC2DescribeInstancesBurst: 5,
	})
	go authenticator.Run(make(chan struct{}))

	var verdicts []verdict
	for _, one := range maps() {
		// The second event shows that the first one was taken in whole.
		for range 2 {
			events <- one.Data
			<-seen
		}
		events <- one.Data
		<-seen
		session = one.Session
		times := 4
		if strings.Contains(one.Name, "differ in") {
			// The rarer answer comes one time in eight.
			times = 200
		}
		verdicts = append(verdicts, verdict{one.Name, one.Session, one.Data, ask(authenticator, times)})
	}
	// One line for each verdict, so that a change is seen as one.
	separator := "[\n"
	for _, one := range verdicts {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		check(encoder.Encode(one))
		fmt.Print(separator, strings.TrimRight(line.String(), "\n"))
		separator = ",\n"
	}
	fmt.Print("\n]\n")
}

// ask returns the different answers of the authenticator to a token of the session.
func ask(authenticator *server.Server, times int) []answer {
	query := url.Values{
		"Action":              {"GetCallerIdentity"},
		"Version":             {"2011-06-15"},
		"X-Amz-Algorithm":     {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":    {accessKey + "/20260101/us-west-2/sts/aws4_request"},
		"X-Amz-Date":          {time.Now().UTC().Format("20060102T150405Z")},
		"X-Amz-Expires":       {"60"},
		"X-Amz-SignedHeaders": {"host;x-k8s-aws-id"},
		"X-Amz-Signature":     {"0"},
	}
	signed := "https://sts.us-west-2.amazonaws.com/?" + query.Encode()
	review := authentication.TokenReview{}
	review.Spec.Token = "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed))
	body, err := json.Marshal(review)
	check(err)
	different := map[string]answer{}
	for range times {
		response := post(authenticator, body)
		var reviewed authentication.TokenReview
		check(json.Unmarshal(response, &reviewed))
		one := answer{reviewed.Status.Authenticated, reviewed.Status.User.Username, reviewed.Status.User.Groups}
		if one.Groups == nil {
			one.Groups = []string{}
		}
		different[fmt.Sprintf("%+v", one)] = one
	}
	var keys []string
	for key := range different {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var answers []answer
	for _, key := range keys {
		answers = append(answers, different[key])
	}
	return answers
}

// client trusts the certificate that the authenticator makes for itself.
var client = http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func post(authenticator *server.Server, body []byte) []byte {
	response, err := client.Post(authenticator.ServerURL(), "application/json", bytes.NewReader(body))
	check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(err)
	return text
}

// watch sends each map as a change of the ConfigMap `aws-auth`.
func watch(w http.ResponseWriter, r *http.Request, events <-chan map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for {
		select {
		case data := <-events:
			check(json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap",
				"metadata": map[string]any{"name": "aws-auth", "namespace": "kube-system"},
				"data":     data,
			}}))
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// loads receives one value for each event that the authenticator begins to take in.
type loads chan struct{}

func (loads) Levels() []logrus.Level { return []logrus.Level{logrus.InfoLevel} }

func (l loads) Fire(entry *logrus.Entry) error {
	if strings.HasPrefix(entry.Message, "Received aws-auth") {
		l <- struct{}{}
	}
	return nil
}

// transport is STS for the authenticator, and the network for everything else.
type transport struct {
	network http.RoundTripper
	session *string
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(request.URL.Host, "sts.") {
		return t.network.RoundTrip(request)
	}
	result := map[string]any{
		"Account": account,
		"Arn":     fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role, *t.session),
		"UserId":  "AROAORACLE0000000000:" + *t.session,
	}
	body, err := json.Marshal(map[string]any{"GetCallerIdentityResponse": map[string]any{"GetCallerIdentityResult": result}})
	check(err)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: request}, nil
}

func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
