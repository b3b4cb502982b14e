"""The crates in the binaries of a release, for the SBOM and for the licenses that its packages contain."""

import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROVIDER = "terraform-provider-platform-orchestrator"
LICENSE_FILES = re.compile(r"LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE", re.IGNORECASE)

HEADER = """\
The licenses of what the binary in this package contains. Its own license is in the file LICENSE.

Where the authors let the recipient choose between licenses, and Apache-2.0 is one of them, this package chooses Apache-2.0,
whose text is in the file LICENSE. This holds for the standard library of Rust (https://github.com/rust-lang/rust), whose
tables of Unicode have the license Unicode-3.0 below and whose runtime libraries of LLVM have the license Apache-2.0 with
the LLVM exception, and for these crates:

"""
# A crate can name this license and contain no text of it.
MIT = """\
Copyright (c) the authors of {name}, {repository}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked(triples):
    """Returns the names and versions of the crates in the binaries for these targets. Macros and what is only needed to
    build are not among them."""
    targets = [argument for triple in triples for argument in ("--target", triple)]
    tree = cargo("tree", "--package", PROVIDER, "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", *targets)
    return {(name, version.removeprefix("v")) for name, version, *_ in (line.split() for line in tree.splitlines() if line)}


def allows_apache(expression):
    """Returns whether a license expression lets the recipient choose Apache-2.0."""
    return " AND " not in expression and "Apache-2.0" in re.split(r" OR | ?/ ?", expression)


def license_texts(package, pattern=LICENSE_FILES):
    """Returns the texts of the files with a matching name in the sources of a crate."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.rglob("*") if pattern.match(file.name) and file.is_file())
    return [file.read_text("utf-8", "replace").strip("\ufeff\n ") for file in files]


def third_party_licenses(triple, others):
    """Returns the text of THIRD-PARTY-LICENSES for a target. `others` maps the names of what is linked beside the crates
    to files with their licenses. The text depends on Cargo.lock alone."""
    crates = linked([triple])
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", triple))
    packages = [
        package for package in metadata["packages"]
        if package["source"] and (package["name"], package["version"]) in crates
    ]
    chosen, owners, lacking = [], {}, []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if allows_apache(package["license"]):
            chosen.append(name)
            texts = license_texts(package, re.compile("NOTICE", re.IGNORECASE))
        else:
            texts = license_texts(package)
            if not texts:
                lacking.append(package)
        for text in texts:
            owners.setdefault(text, set()).add((name, package["license"], package["repository"]))
    for package in lacking:
        add_missing(package, owners)
    for name, file in others.items():
        owners.setdefault(file.read_text("utf-8").strip(), set()).add((name, None, None))
    parts = [HEADER + "\n".join(sorted(chosen))]
    for text, names in sorted(owners.items(), key=lambda entry: sorted(entry[1], key=str)[0]):
        lines = sorted(name if license is None else f"{name} ({license})" for name, license, _ in names)
        parts.append("\n".join(lines) + "\n\n" + text)
    return f"\n\n{'=' * 80}\n".join(parts) + "\n"


def add_missing(package, owners):
    """Adds the license of a crate that contains no text of it: that of a crate from the same repository, or the MIT
    license."""
    entry = (f"{package['name']} {package['version']}", package["license"], package["repository"])
    for names in owners.values():
        if any(entry[1:] == other[1:] for other in names):
            names.add(entry)
            return
    if package["license"] != "MIT":
        raise SystemExit(f"tools/release: {entry[0]} contains no text of its license, {entry[1]}. Add the text to tools/dependencies.py.")
    owners.setdefault(MIT.format(**package), set()).add(entry)


def keep_linked(bom, triples):
    """Removes the crates that no binary contains from a CycloneDX SBOM."""
    crates = linked(triples)
    removed = {part["bom-ref"] for part in bom["components"] if (part["name"], part["version"]) not in crates}
    bom["components"] = [part for part in bom["components"] if part["bom-ref"] not in removed]
    bom["dependencies"] = [
        entry | ({"dependsOn": [ref for ref in entry["dependsOn"] if ref not in removed]} if "dependsOn" in entry else {})
        for entry in bom["dependencies"] if entry["ref"] not in removed
    ]
