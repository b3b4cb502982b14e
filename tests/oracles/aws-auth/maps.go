package main

import (
	"fmt"
	"strings"
)

// asking is one `aws-auth` and the session of the role that asks.
type asking struct {
	Name    string
	Session string
	Data    map[string]string
}

const (
	arn     = "arn:aws:iam::123456789012:role/Runner"
	session = "my-org-my-runner"
)

// maps are what the authenticator is asked about. ROLE stands for the role's ARN.
func maps() []asking {
	var all []asking
	add := func(name, session string, data map[string]string) {
		filled := map[string]string{}
		for key, text := range data {
			filled[key] = strings.ReplaceAll(text, "ROLE", arn)
		}
		all = append(all, asking{name, session, filled})
	}
	roles := func(name, text string) { add(name, session, map[string]string{"mapRoles": text}) }
	for _, one := range lines {
		roles(one[0], one[1])
	}
	for _, one := range broken {
		roles("broken: "+one[0], one[1])
		// The other keys count, whatever mapRoles is.
		add("broken, and mapUsers: "+one[0], session, map[string]string{
			"mapRoles": one[1], "mapUsers": "- userarn: ROLE\n  username: by-user\n",
		})
	}
	for _, scalar := range scalars {
		roles("username "+scalar, fmt.Sprintf("- rolearn: ROLE\n  username: %s\n", scalar))
		roles("group "+scalar, fmt.Sprintf("- rolearn: ROLE\n  username: u\n  groups: [a, %s]\n", scalar))
		roles("key "+scalar, fmt.Sprintf("- {rolearn: ROLE, username: u, %s: x}\n", scalar))
		add("account "+scalar, session, map[string]string{"mapAccounts": fmt.Sprintf("- %s\n- \"123456789012\"\n", scalar)})
		add("account after "+scalar, session, map[string]string{"mapAccounts": fmt.Sprintf("- \"123456789012\"\n- %s\n", scalar)})
	}
	for _, name := range sessions {
		for _, template := range templates {
			quoted := fmt.Sprintf("%q", template)
			add("session "+name+", user "+template, name,
				map[string]string{"mapRoles": "- rolearn: ROLE\n  username: " + quoted + "\n"})
			add("session "+name+", group "+template, name,
				map[string]string{"mapRoles": "- rolearn: ROLE\n  username: u\n  groups: [" + quoted + "]\n"})
		}
	}
	for _, one := range others {
		add(one.Name, session, one.Data)
	}
	return all
}

var sessions = []string{session, "me@my@org", "i-0123456789abcdef0", "i-abcdefgh", "i-abc", "I-abcdefgh", "i-abcd-fgh"}

var templates = []string{
	"{{SessionName}}", "run:{{SessionName}}:{{SessionName}}", "{{SessionNameRaw}}", "{{AccountID}}", "{{AccessKeyID}}",
	"system:node:{{EC2PrivateDNSName}}", "{{sessionname}}", "{{ SessionName }}", "{SessionName}", "{{Unknown}}",
	"{{{SessionName}}}", "{{Session{{AccountID}}Name}}", "arn:aws:sts::{{AccountID}}:assumed-role/Runner/{{SessionName}}",
}

// scalars are written without quotes where a text is expected.
var scalars = []string{
	"1", "-1", "0o17", "017", "0x1F", "0b11", "1_000", "1.5", ".5", "1e3", ".inf", "-.inf", ".nan", "1:20", "2026-01-02",
	"2026-01-02T03:04:05Z", "true", "True", "yes", "y", "on", "off", "no", "null", "~", "Null", "\"\"", "''", "\"1\"",
	"!!str 1", "!!int \"1\"", "!!int x", "!!float 1", "!!binary aGk=", "!!binary \"?\"", "!mine x", "! 1", "<<", "=", "12e03",
	"123456789012", "012345678912", "18446744073709551615", "99999999999999999999999", "+12", "0x", "1__0", "_1", "!!bool x",
	"!!null \"\"", "!!null x", "!!timestamp 2026-01-02", "{a: 1}", "[1]", "{}", "[]", "\"a\\u00e9\"", "é", "a b", "a#b", "a #b",
	"\"{{SessionName}}\"", "'{{SessionName}}'", "|-\n    x", ">-\n    x", "&x y", "*x",
}

var lines = [][2]string{
	{"plain", "- rolearn: ROLE\n  username: u\n  groups: [a, b]\n"},
	{"one group", "- rolearn: ROLE\n  username: u\n  groups:\n  - a\n"},
	{"indented list", "  - rolearn: ROLE\n    username: u\n"},
	{"flow", "[{rolearn: ROLE, username: u, groups: [a]}]"},
	{"JSON", `[{"rolearn": "ROLE", "username": "u", "groups": ["a"]}]`},
	{"JSON with tabs", "[\n\t{\n\t\t\"rolearn\": \"ROLE\",\n\t\t\"username\": \"u\"\n\t}\n]"},
	{"no user name", "- rolearn: ROLE\n  groups: [a]\n"},
	{"empty user name", "- rolearn: ROLE\n  username:\n  groups: [a]\n"},
	{"empty user name in quotes", "- rolearn: ROLE\n  username: ''\n  groups: [a]\n"},
	{"nothing but the role", "- rolearn: ROLE\n"},
	{"another role", "- rolearn: arn:aws:iam::123456789012:role/Nodes\n  username: u\n"},
	{"another role's node line", "- rolearn: arn:aws:iam::123456789012:role/Nodes\n  username: system:node:{{EC2PrivateDNSName}}\n- rolearn: ROLE\n  username: u\n"},
	{"another account", "- rolearn: arn:aws:iam::999999999999:role/Runner\n  username: u\n"},
	{"another partition", "- rolearn: arn:aws-cn:iam::123456789012:role/Runner\n  username: u\n"},
	{"a path", "- rolearn: arn:aws:iam::123456789012:role/team/Runner\n  username: u\n"},
	{"a slash at the end", "- rolearn: ROLE/\n  username: u\n"},
	{"the session", "- rolearn: arn:aws:sts::123456789012:assumed-role/Runner/my-org-my-runner\n  username: u\n"},
	{"upper case", "- rolearn: ARN:AWS:IAM::123456789012:ROLE/RUNNER\n  username: u\n"},
	{"lower case", "- rolearn: arn:aws:iam::123456789012:role/runner\n  username: u\n"},
	{"a long s", "- rolearn: arn:awſ:iam::123456789012:role/runner\n  username: u\n"},
	{"spaces around", "- rolearn: '  ROLE  '\n  username: u\n"},
	{"a line break", "- rolearn: \"ROLE\\n\"\n  username: u\n"},
	{"literal", "- rolearn: |\n    ROLE\n  username: u\n"},
	{"folded and stripped", "- rolearn: >-\n    ROLE\n  username: u\n"},
	{"a star", "- rolearn: arn:aws:iam::123456789012:role/*\n  username: u\n"},
	{"roleARN", "- roleARN: ROLE\n  username: u\n"},
	{"ROLEARN, USERNAME, GROUPS", "- ROLEARN: ROLE\n  USERNAME: u\n  GROUPS: [a]\n"},
	{"a long s in the key", "- rolearn: ROLE\n  uſername: u\n  groupſ: [a]\n"},
	{"role_arn", "- role_arn: ROLE\n  username: u\n"},
	{"rolearn twice", "- rolearn: arn:aws:iam::1:role/x\n  rolearn: ROLE\n  username: u\n"},
	{"rolearn twice, the other first", "- rolearn: ROLE\n  rolearn: arn:aws:iam::1:role/x\n  username: u\n"},
	{"rolearn and roleARN", "- rolearn: ROLE\n  roleARN: arn:aws:iam::1:role/x\n  username: u\n"},
	{"roleARN and rolearn", "- roleARN: ROLE\n  rolearn: arn:aws:iam::1:role/x\n  username: u\n"},
	{"username and userName", "- rolearn: ROLE\n  username: a\n  userName: b\n"},
	{"username and a null Username", "- rolearn: ROLE\n  username: a\n  Username: ~\n"},
	{"groups and Groups", "- rolearn: ROLE\n  username: u\n  Groups: [a, b, c]\n  groups: [~, d]\n"},
	{"groups and Groups, the null last", "- rolearn: ROLE\n  username: u\n  GROUPS: [a, b]\n  Groups: [c]\n  groups: [~, ~]\n"},
	{"groups and null groups", "- rolearn: ROLE\n  username: u\n  Groups: [a]\n  groups: ~\n"},
	{"groups and a text", "- rolearn: ROLE\n  username: u\n  Groups: [a]\n  groups: b\n"},
	{"two lines, the last counts", "- {rolearn: ROLE, username: a}\n- {rolearn: ROLE, username: b}\n"},
	{"two lines that differ in case", "- {rolearn: ROLE, username: a}\n- {rolearn: 'arn:aws:iam::123456789012:role/RUNNER', username: b}\n"},
	{"two lines, the last without a name", "- {rolearn: ROLE, username: a}\n- {rolearn: ROLE, groups: [g]}\n"},
	{"two lines, the last cannot be rendered", "- {rolearn: ROLE, username: a}\n- {rolearn: ROLE, username: '{{EC2PrivateDNSName}}'}\n"},
	{"two lines, the first cannot be rendered", "- {rolearn: ROLE, username: '{{EC2PrivateDNSName}}'}\n- {rolearn: ROLE, username: a}\n"},
	{"two lines that differ in a long s", "- {rolearn: ROLE, username: a}\n- {rolearn: 'arn:awſ:iam::123456789012:role/runner', username: b}\n"},
	{"groups is a text", "- rolearn: ROLE\n  username: u\n  groups: a\n"},
	{"groups is a map", "- rolearn: ROLE\n  username: u\n  groups: {a: b}\n"},
	{"groups with a list", "- rolearn: ROLE\n  username: u\n  groups: [a, [b], c]\n"},
	{"groups with a map", "- rolearn: ROLE\n  username: u\n  groups: [a, {b: c}, d]\n"},
	{"groups with empty texts", "- rolearn: ROLE\n  username: u\n  groups: ['', a, ~]\n"},
	{"groups twice the same", "- rolearn: ROLE\n  username: u\n  groups: [a, a]\n"},
	{"username is a map", "- rolearn: ROLE\n  username: {a: b}\n"},
	{"username is a list", "- rolearn: ROLE\n  username: [u]\n"},
	{"rolearn is a list", "- rolearn: [ROLE]\n  username: u\n"},
	{"rolearn is a number", "- rolearn: 1\n  username: u\n- rolearn: ROLE\n  username: v\n"},
	{"a line is a text", "- ROLE\n- rolearn: ROLE\n  username: u\n"},
	{"a line is null", "-\n- rolearn: ROLE\n  username: u\n"},
	{"a line is a list", "- [rolearn, ROLE]\n- rolearn: ROLE\n  username: u\n"},
	{"a line without a role", "- username: x\n- rolearn: ROLE\n  username: u\n"},
	{"a line with userarn", "- userarn: ROLE\n  username: u\n"},
	{"a text", "ROLE"},
	{"a number", "12"},
	{"a map", "rolearn: ROLE\nusername: u\n"},
	{"a map of lists", "mapRoles:\n- rolearn: ROLE\n  username: u\n"},
	{"null", "null"},
	{"empty", ""},
	{"blank", " \n\t\n"},
	{"quotes", "\"\""},
	{"single quotes", "''"},
	{"backticks", "``"},
	{"an empty list", "[]"},
	{"a comment", "# none\n"},
	{"comments around", "# first\n- rolearn: ROLE # the runner\n  # name\n  username: u\n# last\n"},
	{"document start", "---\n- rolearn: ROLE\n  username: u\n"},
	{"document end", "- rolearn: ROLE\n  username: u\n...\n"},
	{"two documents", "- rolearn: ROLE\n  username: a\n---\n- rolearn: ROLE\n  username: b\n"},
	{"an empty first document", "---\n---\n- rolearn: ROLE\n  username: b\n"},
	{"a broken second document", "- rolearn: ROLE\n  username: a\n---\n- [\n"},
	{"text after a flow list", "[{rolearn: ROLE, username: u}]\nmore\n"},
	{"carriage returns", "- rolearn: ROLE\r\n  username: u\r\n"},
	{"a byte order mark", "\ufeff- rolearn: ROLE\n  username: u\n"},
	{"a directive", "%YAML 1.1\n---\n- rolearn: ROLE\n  username: u\n"},
	{"a directive of 1.2", "%YAML 1.2\n---\n- rolearn: ROLE\n  username: u\n"},
	{"a directive of 2.0", "%YAML 2.0\n---\n- rolearn: ROLE\n  username: u\n"},
	{"an unknown directive", "%FOO bar\n---\n- rolearn: ROLE\n  username: u\n"},
	{"a tag directive", "%TAG !e! tag:yaml.org,2002:\n---\n- rolearn: ROLE\n  username: !e!str 1\n"},
	{"an anchor", "- rolearn: &a ROLE\n  username: u\n- rolearn: *a\n  username: v\n"},
	{"an anchored line", "- &a\n  rolearn: ROLE\n  username: u\n- *a\n"},
	{"an anchor defined twice", "- {rolearn: x, username: &a b}\n- {rolearn: y, username: &a c}\n- {rolearn: ROLE, username: *a}\n"},
	{"a merge", "- &a {rolearn: ROLE, username: a, groups: [g]}\n- {<<: *a, username: b}\n"},
	{"a merge after", "- &a {rolearn: ROLE, username: a}\n- {username: b, <<: *a}\n"},
	{"a merge of several", "- &a {rolearn: ROLE, username: a}\n- &b {username: b, groups: [b]}\n- {<<: [*a, *b]}\n"},
	{"a merge of a map", "- {<<: {rolearn: ROLE, username: u}}\n"},
	{"a quoted merge", "- {\"<<\": {rolearn: ROLE, username: u}}\n"},
	{"a tagged merge", "- {!!merge <<: {rolearn: ROLE, username: u}}\n"},
	{"userid", "- rolearn: ROLE\n  username: u\n  userid: AROANOBODY\n"},
	{"userid is a number", "- rolearn: ROLE\n  username: u\n  userid: 5\n"},
	{"unknown keys", "- rolearn: ROLE\n  username: u\n  note: [1, {a: b}]\n"},
	{"sso beside", "- rolearn: ROLE\n  username: u\n  sso: {permissionSetName: P, accountID: '123456789012'}\n"},
	{"sso is a text", "- rolearn: ROLE\n  username: u\n  sso: x\n"},
	{"sso is null", "- rolearn: ROLE\n  username: u\n  sso: ~\n"},
	{"SSO and a null sso", "- rolearn: ROLE\n  username: u\n  SSO: {}\n  sso: ~\n"},
	{"sso alone", "- username: u\n  sso: {permissionSetName: Runner, accountID: '123456789012'}\n"},
	{"a key in quotes", "- \"rolearn\": ROLE\n  'username': u\n"},
	{"a complex key", "- ? rolearn\n  : ROLE\n  username: u\n"},
	{"a key of 1", "- rolearn: ROLE\n  username: u\n  1: x\n  1.5: y\n  true: z\n"},
	{"a plain text in two lines", "- rolearn: ROLE\n  username: a\n    b\n"},
	{"a colon in the name", "- rolearn: ROLE\n  username: a:b\n"},
	{"a colon in a flow name", "- {rolearn: ROLE, username: a:b}\n"},
	{"a question mark in flow", "- {rolearn: ROLE, username: a?b, groups: [?x, y?]}\n"},
	{"a question mark in a flow name", "- {rolearn: ROLE, username: a?b}\n"},
	{"a question mark at the end of a flow name", "- {rolearn: ROLE, username: a?}\n"},
	{"a question mark at the start of a flow group", "- {rolearn: ROLE, username: u, groups: [?x]}\n"},
	{"a question mark at the end of a flow group", "- {rolearn: ROLE, username: u, groups: [x?, y]}\n"},
	{"a question mark before a space in flow", "- {rolearn: ROLE, username: u, groups: [x? y]}\n"},
	{"a question mark in a name", "- rolearn: ROLE\n  username: a?b\n  groups:\n  - ?x\n  - y?\n"},
	{"a question mark in flow over lines", "[\n {rolearn: ROLE, username: a?b}]\n"},
	{"a quote right before a comment", "- rolearn: ROLE\n  username: 'u'#c\n"},
	{"a surrogate pair", "- rolearn: ROLE\n  username: \"\\ud83d\\ude00\"\n"},
	{"escapes", "- rolearn: ROLE\n  username: \"a\\x41\\u0042\\U00000043\\e\\0\"\n"},
	{"a slash escape", "- rolearn: ROLE\n  username: \"a\\/b\"\n"},
	{"a NEL", "- rolearn: ROLE\n  username: a\u0085b\n"},
	{"a line separator", "- rolearn: ROLE\n  username: a\u2028b\n"},
	{"a no-break space", "- rolearn: ROLE\n  username: a\u00a0b\n"},
	{"a literal name without an end", "- rolearn: ROLE\n  username: |\n    u"},
	{"a literal name that is kept", "- rolearn: ROLE\n  username: |+\n    u\n\n"},
	{"an indented literal", "- rolearn: ROLE\n  username: |2\n     u\n"},
	{"a timestamp in other's line", "- rolearn: x\n  since: 2026-01-02\n- rolearn: ROLE\n  username: u\n"},
	{"flow over lines", "- {rolearn: ROLE,\nusername: u}\n"},
	{"flow with a trailing comma", "[{rolearn: ROLE, username: u,},]\n"},
	{"no space after the comma", "[{rolearn: ROLE,username: u}]\n"},
	{"no space after the colon in JSON", `[{"rolearn":"ROLE","username":"u","groups":["a","b"]}]`},
	{"a tab after the colon", "- rolearn:\tROLE\n  username: u\n"},
	{"a tab before a comment", "- rolearn: ROLE\t# x\n  username: u\n"},
	{"a tab at the end", "- rolearn: ROLE\t\n  username: u\n"},
	{"a tab in a blank line", "- rolearn: ROLE\n\t\n  username: u\n"},
	{"a tab after spaces in a blank line", "- rolearn: ROLE\n  \t\n  username: u\n"},
	{"a tab after many spaces in a blank line", "- rolearn: ROLE\n     \t\n  username: u\n"},
	{"a tab in a blank line after quotes", "- rolearn: 'ROLE'\n\t\n  username: u\n"},
	{"a tab after spaces in a blank line after quotes", "- rolearn: 'ROLE'\n   \t\n  username: u\n"},
	{"a tab in a blank line at the end", "- rolearn: ROLE\n  username: u\n\t\n"},
	{"a tab in a blank line at the end after quotes", "- rolearn: ROLE\n  username: 'u'\n  \t\n"},
	{"a tab in a blank line at the start", "\t\n- rolearn: ROLE\n  username: u\n"},
	{"a tab before a comment's line", "- rolearn: ROLE\n\t# x\n  username: u\n"},
	{"a tab after spaces before a comment's line", "- rolearn: ROLE\n  \t# x\n  username: u\n"},
	{"a tab before a comment's line after quotes", "- rolearn: 'ROLE'\n\t# x\n  username: u\n"},
	{"a tab in a blank line of a flow list", "[\n\t\n{rolearn: ROLE, username: u}]\n"},
	{"a tab in a blank line of a quoted text", "- rolearn: ROLE\n  username: 'a\n\t\n  b'\n"},
	{"a tab in a blank line of a literal", "- rolearn: ROLE\n  username: |\n    a\n\t\n    b\n"},
	{"a tab in a blank line of a literal past its indentation", "- rolearn: ROLE\n  username: |\n    a\n    \t\n    b\n"},
	{"a tab in a blank line before the end of the document", "- rolearn: ROLE\n  username: u\n\t\n---\n- x\n"},
	{"a NEL in quotes", "- rolearn: ROLE\n  username: \"a\u0085b\"\n"},
	{"a NEL at the end", "- rolearn: ROLE\u0085  username: u\u0085"},
	{"a document end and spaces", "- rolearn: ROLE\n  username: u\n...   # x\nbad: [\n"},
	{"dots in a name", "- rolearn: ROLE\n  username: ...\n"},
	{"dots at the margin", "- rolearn: ROLE\n  username: u\n...x\n"},
	{"a backslash before a slash in single quotes", "- rolearn: ROLE\n  username: 'a\\/b'\n"},
	{"two backslashes and a slash", "- rolearn: ROLE\n  username: \"a\\\\/b\"\n"},
	{"an escaped line break", "- rolearn: ROLE\n  username: \"a\\\n    b\"\n"},
	{"a YAML directive in the middle", "- rolearn: ROLE\n  username: u\n%YAML 1.2\n"},
	{"spaces at the end", "- rolearn: ROLE  \n  username: u  \n"},
}

var broken = [][2]string{
	{"lost indentation", "- rolearn: ROLE\nusername: u\n"},
	{"lost indentation later", "- rolearn: arn:aws:iam::1:role/x\n  username: x\n- rolearn: ROLE\nusername: u\n"},
	{"too much indentation", "- rolearn: ROLE\n    username: u\n"},
	{"too little indentation", "- rolearn: ROLE\n username: u\n"},
	{"a tab", "- rolearn: ROLE\n\tusername: u\n"},
	{"a tab after the dash", "-\trolearn: ROLE\n\tusername: u\n"},
	{"a template without quotes", "- rolearn: ROLE\n  username: {{SessionName}}\n"},
	{"a template without quotes in the middle", "- rolearn: ROLE\n  username: system:node:{{SessionName}}\n"},
	{"a template without quotes and more", "- rolearn: ROLE\n  username: {{SessionName}}:x\n"},
	{"a template without quotes in groups", "- rolearn: ROLE\n  username: u\n  groups: [{{SessionName}}]\n"},
	{"a template in another's line", "- rolearn: x\n  username: {{AccountID}}\n- rolearn: ROLE\n  username: u\n"},
	{"an open quote", "- rolearn: ROLE\n  username: \"u\n"},
	{"an open single quote", "- rolearn: ROLE\n  username: 'u\n"},
	{"an open bracket", "- rolearn: ROLE\n  groups: [a\n"},
	{"an open brace", "- {rolearn: ROLE, username: u\n"},
	{"a closing brace too many", "- {rolearn: ROLE, username: u}}\n"},
	{"two colons", "- rolearn: ROLE\n  username: a: b\n"},
	{"no space after the colon", "- rolearn:ROLE\n  username:u\n"},
	{"no space after the dash", "-rolearn: ROLE\n username: u\n"},
	{"an at sign", "- rolearn: ROLE\n  username: @u\n"},
	{"a percent sign", "- rolearn: ROLE\n  username: %u\n"},
	{"a backtick", "- rolearn: ROLE\n  username: `u`\n"},
	{"a star", "- rolearn: ROLE\n  username: *\n"},
	{"an unknown anchor", "- rolearn: ROLE\n  username: *u\n"},
	{"an anchor in itself", "- &a {rolearn: ROLE, username: u, x: *a}\n"},
	{"a bad escape", "- rolearn: ROLE\n  username: \"\\q\"\n"},
	{"a list and a map", "- rolearn: ROLE\n  username: u\nx: y\n"},
	{"a map and a list", "x: y\n- rolearn: ROLE\n  username: u\n"},
	{"a key that is a map", "- rolearn: ROLE\n  username: u\n  {a: b}: c\n"},
	{"a key that is a list", "- rolearn: ROLE\n  username: u\n  [a]: c\n"},
	{"a null key", "- rolearn: ROLE\n  username: u\n  ~: c\n"},
	{"an empty key", "- rolearn: ROLE\n  username: u\n  : c\n"},
	{"an infinite number", "- rolearn: x\n  username: .inf\n- rolearn: ROLE\n  username: u\n"},
	{"not a number", "- rolearn: x\n  username: .nan\n- rolearn: ROLE\n  username: u\n"},
	{"a bad integer", "- rolearn: x\n  username: !!int x\n- rolearn: ROLE\n  username: u\n"},
	{"a merge of a text", "- {rolearn: ROLE, username: u, <<: x}\n"},
	{"a merge of a list of texts", "- {rolearn: ROLE, username: u, <<: [x]}\n"},
	{"a comma between lines", "- rolearn: ROLE,\n  username: u\n"},
	{"equals signs", "- rolearn = ROLE\n  username = u\n"},
	{"a control character", "- rolearn: ROLE\n  username: \"a\x01b\"\n"},
	{"an undeclared tag", "- rolearn: ROLE\n  username: !e!x u\n"},
	{"a closed document", "- rolearn: ROLE\n  username: u\n... x\n"},
	{"a bare document after the end", "- rolearn: ROLE\n  username: u\n...\nx: [\n"},
	{"two anchors", "- rolearn: ROLE\n  username: &a &b u\n"},
	{"a comma first", "- [, {rolearn: ROLE, username: u}]\n"},
	{"two commas", "[{rolearn: ROLE, username: u},,]\n"},
	{"a dash in a flow list", "[- {rolearn: ROLE, username: u}]\n"},
	{"a list on the key's line", "- rolearn: ROLE\n  groups: - a\n"},
	{"a quoted text and more", "- rolearn: ROLE\n  username: \"u\" v\n"},
	{"a flow map's end at the margin", "- {rolearn: ROLE,\n  username: u\n}\n"},
	{"a multi-line key", "- rolearn: ROLE\n  user\n  name: u\n"},
	{"the same anchor name with a space", "- rolearn: & ROLE\n  username: u\n"},
	{"Go's braces around a quoted text", "- rolearn: ROLE\n  username: {{\"SessionName\"}}\n"},
	{"a long key", "- rolearn: ROLE\n  " + strings.Repeat("k", 1100) + ": x\n"},
	{"a duplicate directive", "%YAML 1.1\n%YAML 1.1\n---\n- rolearn: ROLE\n  username: u\n"},
}

var others = []asking{
	{Name: "no keys", Data: map[string]string{}},
	{Name: "MapRoles", Data: map[string]string{"MapRoles": "- {rolearn: ROLE, username: u}\n"}},
	{Name: "a role under mapUsers", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: u, groups: [a]}\n"}},
	{Name: "a role under mapUsers by rolearn", Data: map[string]string{"mapUsers": "- {rolearn: ROLE, username: u}\n"}},
	{Name: "a role under mapUsers by userARN", Data: map[string]string{"mapUsers": "- {userARN: ROLE, username: u}\n"}},
	{Name: "a role under mapUsers in capitals", Data: map[string]string{"mapUsers": "- {userarn: 'ARN:AWS:IAM::123456789012:ROLE/RUNNER', username: u}\n"}},
	{Name: "a session under mapUsers", Data: map[string]string{"mapUsers": "- {userarn: 'arn:aws:sts::123456789012:assumed-role/Runner/my-org-my-runner', username: u}\n"}},
	{Name: "a role with a path under mapUsers", Data: map[string]string{"mapUsers": "- {userarn: 'arn:aws:iam::123456789012:role/x/Runner', username: u}\n"}},
	{Name: "a role under both", Data: map[string]string{"mapRoles": "- {rolearn: ROLE, username: r}\n", "mapUsers": "- {userarn: ROLE, username: u}\n"}},
	{Name: "two lines of mapUsers", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: a}\n- {userarn: ROLE, username: b}\n"}},
	{Name: "two lines of mapUsers that differ in case", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: a}\n- {userarn: 'arn:aws:iam::123456789012:role/RUNNER', username: b}\n"}},
	{Name: "two lines of mapUsers that differ in case and say the same", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: a}\n- {userarn: 'arn:aws:iam::123456789012:role/RUNNER', username: a}\n"}},
	{Name: "two lines of mapUsers that differ in case, one of which cannot be rendered", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: a}\n- {userarn: 'arn:aws:iam::123456789012:role/RUNNER', username: '{{EC2PrivateDNSName}}'}\n"}},
	{Name: "mapUsers cannot be rendered", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: '{{EC2PrivateDNSName}}'}\n", "mapAccounts": "- '123456789012'\n"}},
	{Name: "mapRoles cannot be rendered, mapUsers can", Data: map[string]string{"mapRoles": "- {rolearn: ROLE, username: '{{EC2PrivateDNSName}}'}\n", "mapUsers": "- {userarn: ROLE, username: u}\n"}},
	{Name: "mapRoles cannot be rendered, the account is there", Data: map[string]string{"mapRoles": "- {rolearn: ROLE, username: '{{EC2PrivateDNSName}}'}\n", "mapAccounts": "- '123456789012'\n"}},
	{Name: "broken mapUsers", Data: map[string]string{"mapUsers": "- userarn: ROLE\nusername: u\n", "mapAccounts": "- '123456789012'\n"}},
	{Name: "broken mapUsers beside mapRoles", Data: map[string]string{"mapUsers": "- [\n", "mapRoles": "- {rolearn: ROLE, username: u}\n"}},
	{Name: "a line of mapUsers without an ARN", Data: map[string]string{"mapUsers": "- {username: x}\n- {userarn: ROLE, username: u}\n"}},
	{Name: "sso under mapUsers", Data: map[string]string{"mapUsers": "- {userarn: ROLE, username: u, sso: {a: b}}\n"}},
	{Name: "account in quotes", Data: map[string]string{"mapAccounts": "- \"123456789012\"\n"}},
	{Name: "account as a number", Data: map[string]string{"mapAccounts": "- 123456789012\n"}},
	{Name: "account in flow", Data: map[string]string{"mapAccounts": "[123456789012]"}},
	{Name: "account in JSON", Data: map[string]string{"mapAccounts": "[\"123456789012\"]"}},
	{Name: "account alone", Data: map[string]string{"mapAccounts": "123456789012"}},
	{Name: "account alone in quotes", Data: map[string]string{"mapAccounts": "'123456789012'"}},
	{Name: "account in a map", Data: map[string]string{"mapAccounts": "- id: 123456789012\n"}},
	{Name: "account as a key", Data: map[string]string{"mapAccounts": "123456789012: x\n"}},
	{Name: "account and a map", Data: map[string]string{"mapAccounts": "- {a: b}\n- 123456789012\n"}},
	{Name: "account in a list", Data: map[string]string{"mapAccounts": "- [123456789012]\n"}},
	{Name: "account with underscores", Data: map[string]string{"mapAccounts": "- 123_456_789_012\n"}},
	{Name: "account as a float", Data: map[string]string{"mapAccounts": "- 123456789012.0\n"}},
	{Name: "account with a space", Data: map[string]string{"mapAccounts": "- '123456789012 '\n"}},
	{Name: "account with dashes", Data: map[string]string{"mapAccounts": "- 1234-5678-9012\n"}},
	{Name: "account tagged", Data: map[string]string{"mapAccounts": "- !!str 123456789012\n"}},
	{Name: "account tagged as binary", Data: map[string]string{"mapAccounts": "- !!binary MTIzNDU2Nzg5MDEy\n"}},
	{Name: "account by an anchor", Data: map[string]string{"mapAccounts": "- &a 123456789012\n- *a\n"}},
	{Name: "another account alone", Data: map[string]string{"mapAccounts": "- \"999999999999\"\n"}},
	{Name: "broken mapAccounts", Data: map[string]string{"mapAccounts": "- \"123456789012\"\n- [\n"}},
	{Name: "broken mapAccounts with a tab", Data: map[string]string{"mapAccounts": "- \"123456789012\"\n\t- x\n"}},
	{Name: "empty mapAccounts", Data: map[string]string{"mapAccounts": "''"}},
	{Name: "two documents of mapAccounts", Data: map[string]string{"mapAccounts": "- 1\n---\n- 123456789012\n"}},
	{Name: "account beside broken mapRoles", Data: map[string]string{"mapRoles": "- [\n", "mapAccounts": "- 123456789012\n"}},
	{Name: "account beside another role", Data: map[string]string{"mapRoles": "- {rolearn: x, username: y}\n", "mapAccounts": "- 123456789012\n"}},
	{Name: "account beside a role with a path", Data: map[string]string{"mapRoles": "- {rolearn: 'arn:aws:iam::123456789012:role/x/Runner', username: y}\n", "mapAccounts": "- 123456789012\n"}},
}
