package main

import (
	"strings"
	"unicode/utf16"
)

// documents returns everything that the table has a row for.
func documents() []string {
	var all []string
	seen := map[string]bool{}
	add := func(document string) {
		if !seen[document] {
			seen[document] = true
			all = append(all, document)
		}
	}
	for _, scalar := range scalars {
		add("v: " + scalar + "\n")
	}
	for _, document := range structures {
		add(document)
	}
	add(utf16LE("\ufeffv: text\nw: é\n"))
	add(utf16BE("\ufeffv: text\nw: é\n"))
	return all
}

// Values, each of a key of its own.
var scalars = []string{
	// Nothing.
	"", "~", "null", "Null", "NULL", "nULL", "''", `""`, "# comment", "!!null", "!!null ''", "!!null x", "!!null ~",
	// Booleans, and the words that were booleans in YAML 1.1.
	"true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No", "on", "On", "off", "OFF", "y", "Y", "n", "N",
	"!!bool true", "!!bool yes", "!!bool 'true'", "!!bool 1", "'true'", `"no"`, "!!str true", "!!str yes", "! true", "! 12", "!!str 12", "!!str", "!!str 2001-01-01",
	// Integers.
	"0", "-0", "+0", "7", "+7", "-7", "007", "0400", "-0400", "+0400", "0o400", "0O400", "-0o400", "+0o400", "0x1F", "0X1f", "-0x1f", "+0x1f", "0b101", "0B101", "-0b101", "+0b101",
	"08", "09", "0o8", "0xg", "0b2", "018", "00", "0_4_0_0", "1_000", "1__000", "_1", "1_", "-_1", "0x_1f", "0b1_01", "0o4_00",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
	"9007199254740993", "0xFFFFFFFFFFFFFFFF", "0x10000000000000000", "0b" + strings.Repeat("1", 64), "0o1777777777777777777777", "-0b" + strings.Repeat("1", 64),
	"!!int 12", "!!int '12'", "!!int 1.0", "!!int x", "!!int 0x10", "!!int ''", "!!int ~", "1,000", "1 000", "12abc", "0x", "0b", "0o", "-", "+", "- ", "--1", "+-1", "1-", "1:30", "190:20:30", "1e", "1e+",
	// Floats.
	"1.0", "30.0", "-30.0", "1.5", "-1.5", "+1.5", ".5", "-.5", "+.5", "5.", "-5.", "0.0", "-0.0", "1e3", "1E3", "1e+3", "1e-3", "1.5e3", ".5e1", "5.e1", "1e400", "-1e400", "1e-400", "1.7976931348623157e308",
	"1_000.5", "0.1_5", "1._5", "._5", "1e1_0", "0x1p4", "0x1.8p1", "0x.8p1", "-0x1p-2", ".0x1", "123456789012345678901234567890", "1e20", "1e21", "1e22", "100000000000000000000000.0", "0.000001", "0.0000001", "1.0e-7",
	".inf", ".Inf", ".INF", "+.inf", "-.inf", "-.INF", ".iNF", ".nan", ".NaN", ".NAN", ".Nan", "inf", "nan", "NaN", "Infinity", "+inf", "-Inf", ".", "..", "...x", "1.2.3", "1.2e3.4", ".e3", "e3", "!!float 1", "!!float 1.0", "!!float x", "!!float '1.5'", "!!float .inf", "!!float 0x10", "!!float 18446744073709551615",
	// Times.
	"2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43Z", "2001-12-14 21:59:43", "2001-12-14 21:59:43.123456789", "2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43Z", "2001-12-14T1:2:3Z",
	"2001-12-14T21:59:43", "2001-12-14T21:59:43+02:00", "2001-12-14T21:59:43+00:00", "2001-12-14T21:59:43.000Z", "2001-12-14T21:59:43.1200Z", "2001-12-14T21:59:43.1234567890Z", "2001-12-14T21:59:43,5Z", "2001-12-14T21:59:43.Z", "2001-12-14T24:00:00Z", "2001-12-14T23:60:00Z", "2001-12-14T23:59:60Z", "2001-12-14T23:59:59+24:00", "2001-12-14T23:59:59+23:59", "2001-12-14T23:59:59+5:00", "2001-12-14T23:59:59+0500",
	"2001-02-29", "2000-02-29", "1900-02-29", "2001-02-30", "2001-00-01", "2001-01-00", "2001-13-01", "2001-01-32", "2001-001-01", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "201-01-01", "2001-01", "2001-01-01x", "'2001-01-01'", "!!timestamp 2001-01-01", "!!timestamp '2001-01-01'", "!!timestamp x", "2001-12-14 1:2:3", "2001-12-14  21:59:43", "2001-12-14 21:59",
	"2001-12-14T21:59:43.5-00:00", "2001-12-14T21:59:43.5-00:30", "2001-12-14 21:59:43.", "2001-12-14 21:59:43,25",
	// Texts.
	"text", "two words", "it's", "a#b", "a #b", "a: b", "a:b", "a :b", "http://a/b", "-a", "?a", ":a", "- a", "@a", "`a", "%a", "&", "*", "!", "|", ">", "a\\nb", "a,b", "[a", "{a", "a]", "a}", "]", "}", "é", "😀", "\u00a0x", "a\tb", "\ta", "a\t", "<<", "'<<'", "=", "!!merge <<", "!!str <<",
	`"a\nb\t\"\\\/\u00e9\U0001F600\x41\0\a\b\e\f\v\r\N\_\L\P"`, `"\q"`, `"\x4"`, `"\ud800"`, `"\ud83d\ude00"`, `"\U00110000"`, `"a`, `'a`, `'it''s'`, `"a" b`, `'a' # c`, `"a"b`, `"a":`, "\"a\\\n  b\"", "\"a\n  b\n\n  c\"", "'a\n  b\n\n  c'", "a\n  b\n\n  c", "a\nb", "a\n b: c", "\"a\nb\"", "\"a\n---\nb\"",
	"|\n  a\n  b", "|-\n  a\n  b\n", "|+\n  a\n\n", ">\n  a\n  b\n\n  c\n   d\n", ">-\n  a\n  b\n", "|2\n   a\n", "|1\n  a", "|0\n a", "|10\n a", "|-2\n   a\n", "|x\n  a", "| # c\n  a\n", "|\n\ta", "|\n a\n  b\n c", "|\n  a\n b", "|\n\n\n  a", "|\n", "|\nw: 1", ">\n\n  a\n\n\n  b\n", "|\n  a # c\n  # d\n", "!!str |\n  1\n", "!!int |\n  1\n", "!!int |-\n  1\n",
	// Tags.
	"!!binary aGVsbG8=", "!!binary aGVs bG8=", "!!binary |\n  aGVs\n  bG8=\n", "!!binary x", "!!binary /w==", "!!binary ''", "!foo bar", "!foo 12", "!foo {a: 1}", "!foo [1]", "!!foo 12", "!!foo", "!<tag:yaml.org,2002:int> 12", "!<tag:yaml.org,2002:str> 12", "!<x> 12", "!e!x 12", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!map {a: 1}", "!!seq [1]", "!!map [1]", "!!seq {a: 1}", "!!str [1]", "!!int {a: 1}", "!!map x", "!!seq x", "!!null [1]", "!!null {a: 1}", "!!float [1]", "!!bool {}", "!!python/object x",
	// Collections in one line.
	"[]", "{}", "[1, two, 3.0]", "[a, b,]", "[,]", "[a,,b]", "[a b]", "{a: 1}", "{a: 1,}", "{a}", "{a, b: 1}", "{a:1}", "{\"a\":1}", "{'a':1}", "{a: }", "{: 1}", "{,}", "{a: 1, a: 2}", "{a: 1, 'a': 2}", "{1: a}", "{1: a, 1.0: b}", "{true: a}", "{null: a}", "{~: a}", "{2001-01-01: a}", "{? a : b}", "{? a}", "{[1]: a}", "{{a: 1}: b}", "[a: 1]", "[a: 1, b: 2]", "[? a : b]", "[a, [b, {c: d}]]", "[1", "{a: 1", "[a]]", "[a] b", "{a: [}", "[\n  a,\n  b\n  ]", "[\na\n]", "[a, # c\n  b]", "[a#b]", "[http://a/b]", "{a: http://b}", "[a:b]", "[:a]", "[a:]", "[-]", "[- a]", "[-a]", "[?a]", "[?]", "{?a: 1}", "[a?b]", "[\"a\":b]", "[!!str 1, &x 2, *x]", "[a\tb]", "[\ta\t]", "[\n\ta]", "{a:\t1}",
}

// Whole documents.
var structures = []string{
	"", "\n", "# comment\n", "---\n", "--- \n...\n", "...\n", "~\n", "null\n", "text\n", "12\n", "- a\n", "[a]\n", "{}\n", "{a: 1}", "!!map {a: 1}", "--- {a: 1}\n", "---\na: 1\n", "--- a: 1\n", "---a: 1\n", "--- |\n  a\n", "''\n", "!!null x\n", "!!str {a: 1}\n", "!foo {a: 1}\n", "&a {a: 1}\n", "*a\n",
	// Only the first document is read.
	"a: 1\n---\nb: 2\n", "a: 1\n---\n", "a: 1\n...\n", "a: 1\n...\nb: 2\n", "a: 1\n...\n---\nb: 2\n", "a: 1\n---\n[\n", "a: 1\n--- \n&\n", "---\n---\na: 1\n", "a: 1\n...\n%YAML 1.1\n---\nb: 2\n", "# c\n---\n# d\na: 1\n",
	"%YAML 1.1\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n", "%YAML 1.3\n---\na: 1\n", "%YAML 2.0\n---\na: 1\n", "%YAML 1.1\na: 1\n", "%TAG ! tag:yaml.org,2002:\n---\na: !int '1'\n", "%TAG !e! tag:yaml.org,2002:\n---\na: !e!int '1'\n", "%FOO bar\n---\na: 1\n", "a: 1\n%FOO: 2\n", "%YAML 1.1\n%YAML 1.1\n---\na: 1\n",
	// Keys.
	"1: a\n", "true: a\n", "~: a\n", "null: a\n'null': b\n", ": a\n", "? a\n: b\n", "? a\n", "? [a]\n: b\n", "? {a: 1}\n: b\n", "a: 1\na: 2\n", "a: 1\n'a': 2\n", "a: 1\n\"a\": 2\nb: 3\n", "1: a\n'1': b\n", "1: a\n1.0: b\n", "a: {1: x}\n", "a: {1: x, b: y}\n", "a: {true: x}\n", "a: {no: x}\n", "a: {2001-01-01: x}\n", "a: {~: x}\n", "a: {1.5: x}\n", "a: {'1': x}\n", "a: {!!str 1: x}\n", "a: {!!int '1': x}\n", "a: {!foo 1: x}\n", "a: {<<: x}\n", "a: {'<<': x}\n", "a: {!!binary YQ==: x}\n", "!!binary YQ==: x\n", "2001-01-01: x\n", "0400: x\n", "0x10: x\n", "a: {0x10: x}\n", "? |\n  a\n: b\n", "? a\n? b\n", "a b: c\n", "a : b\n", "a  :  b\n", "'a': b\n", "\"a\": b\n", "\"a\":b\n", "a:\n", "a:\nb:\n", "a:b\n", "a: b: c\n", "a: 'b': c\n", "-: a\n", "?: a\n", "? : a\n", "é: é\n", "<<: {a: 1}\n", "<<: [{a: 1}, {a: 2, b: 3}]\n", "<<: 1\n", "<<: ~\n", "<<: [1]\n", "<<: []\n", "'<<': {a: 1}\n", "!!merge <<: {a: 1}\n", "!!str <<: {a: 1}\n", "<<: {a: 1}\n<<: {b: 2}\n", "[a]: b\n", "{a: 1}: b\n", "*a : b\n", "&a b: *a\n", "&a b: 1\n*a : 2\n", strings.Repeat("k", 1020) + ": a\n", strings.Repeat("k", 1030) + ": a\n", "'" + strings.Repeat("k", 1030) + "': a\n", "? " + strings.Repeat("k", 1030) + "\n: a\n",
	"a: {b: 1}\nc: {b: 1, <<: {d: 2}}\n",
	// Merge keys.
	"x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", "x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x\n", "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz:\n  <<: [*x, *y]\n", "x: &x [1]\ny:\n  <<: *x\n", "x: &x {a: {b: 1}}\ny:\n  <<: *x\n  a: {c: 2}\n", "x: &x {1: a}\ny:\n  <<: *x\n", "x: &x {a: 1}\ny: &y\n  <<: *x\n  b: 2\nz:\n  <<: *y\n  a: 3\n", "x: &x {a: ~}\ny:\n  <<: *x\n", "x: &x {a: 1}\ny:\n  a: ~\n  <<: *x\n", "x: &x {a: 1}\ny:\n  <<: *x\n  1: b\n", "x: &x {a: 1}\ny: {<<: *x, <<: *x}\n", "x: &x 1\ny: {<<: *x}\n", "x: &x [{a: 1}]\ny: {<<: *x}\n", "x: &x {a: 1}\ny: &y [*x]\nz: {<<: [*x, *y]}\n", "x: {<<: {a: 1, <<: {b: 2, a: 3}}}\n", "x: {<<: [{a: ~}, {a: 1}]}\n", "x: {<<: [{a: 1}, {a: ~}]}\n", "x: {'a': 1, <<: {a: 2}}\n", "x: {<<: !!map {a: 1}}\n", "x: {<<: !foo {a: 1}}\n", "x: {b: 1, <<: {<<: {b: 2, c: 3}, c: 4}}\n",
	// Anchors and aliases.
	"a: &x 1\nb: *x\n", "a: &x [1, 2]\nb: *x\n", "a: &x {b: 1}\nc: *x\n", "a: *x\n", "a: &x 1\nb: &x 2\nc: *x\n", "a: &x\nb: *x\n", "a: &x ''\nb: *x\n", "a: &x !!str 1\nb: *x\n", "a: !!str &x 1\nb: *x\n", "a: &x &y 1\n", "a: *x 1\n", "a: &x [*x]\n", "a: &x {b: *x}\n", "&x a: b\nc: *x\n", "a: &x b\n*x : c\n", "a: {*x : 1}\n", "a: &x-y_z.1 1\nb: *x-y_z.1\n", "a: &é 1\n", "a: &x, 1\n", "a: &x 1\nb: [*x, *x]\n", "a: &x 2001-01-01\nb: *x\n", "a: & 1\n", "a: &x\n  b: 1\nc: *x\n", "a: &x\n- 1\nb: *x\n",
	"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
	"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n",
	// Indentation, tabs, line breaks.
	"a:\n  b: 1\n  c: 2\n", "a:\n  b: 1\n c: 2\n", "a:\n  b: 1\n   c: 2\n", "a:\n b: 1\nc: 2\n", " a: 1\n b: 2\n", " a: 1\nb: 2\n", "a:\n- 1\n- 2\n", "a:\n  - 1\n  - 2\n", "a:\n- b: 1\n  c: 2\n- d: 3\n", "a:\n- - 1\n  - 2\n- - 3\n", "a:\n-\n  b: 1\n-\n  - c\n", "a:\n- \n- b\n", "a:\n  -b\n", "a: - b\n", "a:\n\tb: 1\n", "a:\t1\n", "a: 1\t\n", "a:\t\n  b: 1\n", "\ta: 1\n", "a: 1\n\tb: 2\n", "a:\n  b: 1\n\t\n  c: 2\n", "a:\n  b: 1\n\t# c\n", "a:\n-\tb\n", "a:\n-\tb: 1\n", "a:\n  -\t- b\n", "?\ta\n:\tb\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "a: |\r\n  b\r\n  c\r\n", "a: \"b\r\n  c\"\r\n", "a: 1\u2028b: 2\n", "a: b\u2028c\n", "a: b\u0085c\n", "a: |\n  b\u0085  c\n", "\ufeffa: 1\n", "\ufeff# c\na: 1\n", "a: 1\n\ufeffb: 2\n", "a: \ufeffb\n", "a: 1", "a: 1\n\n\n", "a: 1 # c\n", "a: 1# c\n", "a: '1'# c\n", "a:# c\n", "a: # c\n  b\n", "a: #c\n  b: 1\n", "#c\n #d\na: 1\n#e\n", "a:\n  # c\n  b: 1\n # d\n  e: 2\n# f\n", "a:\n  - 1 # c\n  # d\n  - 2\n", "a: [ # c\n  1 ]\n", "a: b # c\n  d\n", "a: b\n  # c\n  d\n", "a: |\n  b\n # c\nd: 1\n", "a: 'b\n\n  c'\nd: 1\n",
	// Characters and encodings.
	"a: \x00\n", "a: \x01\n", "a: \x7f\n", "a: \u0080\n", "a: \u0085\n", "a: \ufffe\n", "a: \uffff\n", "a: \ufffd\n", "a: \"\x01\"\n", "a: \xff\n", "a: \xc3\n", "a: \xc3(\n", "a: \xed\xa0\x80\n", "a: \xf4\x90\x80\x80\n", "a: \xc0\x80\n", "a: 1\n# \xff\n", "a: 1\n---\n\xff\n", "a: 1\n---\nb: \x01\n",
	// A runner.
	runner, strings.ReplaceAll(runner, "\n", "\r\n"), strings.ReplaceAll(runner, "  ", "\t"), strings.ReplaceAll(runner, "cluster:", "cluster: !!map"),
}

const runner = `# What a deployment runs on.
description: yes
runner_configuration:
  type: kubernetes-eks
  cluster:
    name: my-eks-cluster
    region: us-west-2
    auth:
      role_arn: arn:aws:iam::123456789012:role/humanitec-runner
  job:
    namespace: humanitec-runner
    service_account: humanitec-runner
    pod_template:
      metadata:
        labels: &labels {country: no, date: 2001-01-01, "quoted": "012"}
        annotations:
          <<: *labels
          note: >-
            folded
            text
      spec:
        terminationGracePeriodSeconds: 30.0
        tolerations:
        - {key: dedicated, value: yes, effect: NoSchedule}
        containers:
          - name: main
            env:
            - name: SWITCH
              value: on
            - name: SCRIPT
              value: |
                echo "1"
                  exit
        volumes:
        - name: keys
          secret: {secretName: keys, defaultMode: 0400}
state_storage_configuration:
  type: s3
  bucket: my-state
`

func utf16LE(text string) string {
	var bytes []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		bytes = append(bytes, byte(unit), byte(unit>>8))
	}
	return string(bytes)
}

func utf16BE(text string) string {
	var bytes []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		bytes = append(bytes, byte(unit>>8), byte(unit))
	}
	return string(bytes)
}
