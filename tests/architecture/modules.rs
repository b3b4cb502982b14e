//! The modules of a crate and what each of them uses, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, UseTree};

/// The names of the modules from the crate's root to a module. The root is empty.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate without its unit tests.
#[derive(Default)]
pub(crate) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    /// The paths that its items name, as they are written.
    paths: BTreeSet<Vec<String>>,
    /// The names that its `use` items bring into scope, and the path behind each.
    imports: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads the crate whose root is `lib.rs` at this path.
    pub(crate) fn read(root: &Path) -> Self {
        let mut found = Self::default();
        let folder = root.parent().unwrap();
        let items = syn::parse_file(&fs::read_to_string(root).unwrap()).unwrap().items;
        found.add(Vec::new(), &items, folder);
        found
    }

    /// Adds a module and its children. `folder` is where the files of its children are.
    fn add(&mut self, path: ModulePath, items: &[Item], folder: &Path) {
        let mut module = Module::default();
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            match item {
                Item::Mod(child) => self.add_child(&path, child, folder),
                Item::Use(item) => module.import(&[], &item.tree),
                item => module.visit_item(item),
            }
        }
        self.modules.insert(path, module);
    }

    fn add_child(&mut self, parent: &[String], child: &ItemMod, folder: &Path) {
        let name = child.ident.to_string();
        let path = [parent, std::slice::from_ref(&name)].concat();
        let below = folder.join(&name);
        if let Some((_, items)) = &child.content {
            return self.add(path, items, &below);
        }
        let file = [folder.join(format!("{name}.rs")), below.join("mod.rs")]
            .into_iter()
            .find(|file| file.is_file());
        // A module that a build script writes has no file here.
        let Some(file) = file else { return };
        let text = fs::read_to_string(&file).unwrap();
        self.add(path, &syn::parse_file(&text).unwrap().items, &below);
    }

    /// Each module with the modules that it uses, itself left out.
    pub(crate) fn uses<'a>(&'a self) -> BTreeMap<&'a ModulePath, BTreeSet<ModulePath>> {
        let used = |(path, module): (&'a ModulePath, &Module)| {
            let imports = module.imports.values();
            let found = module.paths.iter().chain(imports);
            let found = found.filter_map(|names| self.resolve(path, names, 0));
            (path, found.filter(|used| used != path).collect())
        };
        self.modules.iter().map(used).collect()
    }

    /// The module in which the item is defined that `names` means inside of `module`. `None`: it is of another crate,
    /// or an item of the module itself.
    fn resolve(&self, module: &[String], names: &[String], depth: u8) -> Option<ModulePath> {
        // Re-exports can name each other.
        if depth > 16 {
            return None;
        }
        let (mut at, mut rest) = match names.first()?.as_str() {
            "crate" => (Vec::new(), &names[1..]),
            "self" => (module.to_vec(), &names[1..]),
            "super" => (module[..module.len().checked_sub(1)?].to_vec(), &names[1..]),
            _ => (module.to_vec(), names),
        };
        let relative = rest.len() == names.len();
        let mut moved = !relative;
        while let Some((name, after)) = rest.split_first() {
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if name == "super" {
                at.pop()?;
            } else if self.modules.contains_key(&child) {
                at = child;
            } else if let Some(import) = self.modules[&at].imports.get(name)
                && (moved || import != names)
            {
                let path = [&import[..], after].concat();
                return self.resolve(&at, &path, depth + 1);
            } else {
                break;
            }
            moved = true;
            rest = after;
        }
        moved.then_some(at)
    }
}

impl Module {
    fn import(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(before, tree)),
            UseTree::Name(name) if name.ident == "self" => {
                let last = before.last().unwrap().clone();
                self.imports.insert(last, before.to_vec());
            }
            UseTree::Name(name) => {
                self.imports.insert(name.ident.to_string(), with(&name.ident));
            }
            UseTree::Rename(rename) => {
                let name = match rename.rename.to_string().as_str() {
                    // Each of these has a name of its own here, which nothing can refer to.
                    "_" => format!("_{}", self.imports.len()),
                    name => name.to_owned(),
                };
                self.imports.insert(name, with(&rename.ident));
            }
            UseTree::Glob(_) => {
                self.paths.insert(before.to_vec());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        self.paths.insert(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in path)` uses nothing.
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // A `use` inside of a function.
        let mut inside = Self::default();
        inside.import(&[], &item.tree);
        self.paths.extend(inside.imports.into_values());
        self.paths.extend(inside.paths);
    }
}

/// Whether an item is compiled for unit tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.path().is_ident("cfg").then(|| attribute.meta.require_list());
        condition.is_some_and(|list| list.unwrap().tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

/// A function and how many lines it has, from its name to its closing brace.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: usize,
}

/// The functions in the text of a source file, those of its unit tests included.
pub(crate) fn functions(text: &str) -> Vec<Function> {
    let mut found = Functions(Vec::new());
    found.visit_file(&syn::parse_file(text).unwrap());
    found.0
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        self.0.push(Function {
            name: signature.ident.to_string(),
            lines: last - first + 1,
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// The names of the types and traits in the text of a source file and its inline modules, those for unit tests left out, and
/// whether other files can use each.
pub(crate) fn types(text: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    let mut items = syn::parse_file(text).unwrap().items;
    while let Some(item) = items.pop() {
        let (visibility, name) = match item {
            Item::Struct(item) => (item.vis, item.ident),
            Item::Enum(item) => (item.vis, item.ident),
            Item::Trait(item) => (item.vis, item.ident),
            Item::Type(item) => (item.vis, item.ident),
            Item::Mod(item) if !is_for_tests(&item.attrs) => {
                items.extend(item.content.into_iter().flat_map(|(_, items)| items));
                continue;
            }
            _ => continue,
        };
        let is_shared = !matches!(visibility, syn::Visibility::Inherited);
        found.insert(name.to_string(), is_shared);
    }
    found
}

/// The names that a crate exports: those that its `lib.rs` imports for everyone.
pub(crate) fn exported(root: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(root).unwrap();
    let mut exports = Module::default();
    for item in syn::parse_file(&text).unwrap().items {
        if let Item::Use(item) = item
            && matches!(item.vis, syn::Visibility::Public(_))
        {
            exports.import(&[], &item.tree);
        }
    }
    exports.imports.into_keys().collect()
}

/// The siblings that use each other in a circle, with the folder that they are in: one text for each circle.
pub(crate) fn sibling_cycles(found: &Crate) -> Vec<String> {
    // For each parent: which child uses which other one, through any module below it.
    let mut edges: BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (from, used) in found.uses() {
        for to in used {
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(child), Some(other)) = (from.get(shared), to.get(shared)) {
                let siblings = edges.entry(from[..shared].to_vec()).or_default();
                siblings.entry(child.clone()).or_default().insert(other.clone());
            }
        }
    }
    let mut cycles = Vec::new();
    for (parent, graph) in &edges {
        let reached = |start: &String| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&String> = graph[start].iter().collect();
            while let Some(name) = next.pop() {
                if seen.insert(name) {
                    next.extend(graph.get(name).into_iter().flatten());
                }
            }
            seen
        };
        let circle: Vec<&str> = graph
            .keys()
            .filter(|name| reached(name).contains(name))
            .map(String::as_str)
            .collect();
        if !circle.is_empty() {
            let edges = graph.iter().flat_map(|(from, used)| {
                used.iter()
                    .filter(|to| circle.contains(&to.as_str()) && circle.contains(&from.as_str()))
                    .map(move |to| format!("{from} -> {to}"))
            });
            let edges: Vec<String> = edges.collect();
            cycles.push(format!("{}: {}", parent.join("::"), edges.join(", ")));
        }
    }
    cycles
}

/// The Rust sources in a folder and its subfolders.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
