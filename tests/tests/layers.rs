//! Which file imports which: no circles of many files, and each folder knows only those that ARCHITECTURE.md allows it.
//!
//! An import is a path from one file to a name that is defined in another. Re-exports are followed to the definition; `mod` lines, the
//! re-exports themselves and tests don't count. Paths within the arguments of macros are not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// The largest circle of files that import each other.
const LARGEST_CIRCLE: usize = 3;

#[test]
fn files_import_each_other_in_small_circles_only() {
    for root in ["runtime/src", "codegen/src"] {
        let house = House::read(root);
        let circles = house.circles();
        let large: Vec<_> = circles
            .iter()
            .filter(|circle| circle.len() > LARGEST_CIRCLE)
            .map(|circle| house.describe(circle))
            .collect();
        assert!(large.is_empty(), "{root}:\n{}", large.join("\n"));
    }
}

#[test]
fn folders_know_only_those_below_them() {
    let architecture = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    for root in ["runtime/src", "codegen/src"] {
        let allowed = table(&architecture, root);
        let house = House::read(root);
        let mut folders = BTreeSet::new();
        let mut wrong = BTreeSet::new();
        for (from, to, name) in house.imports() {
            let (Some(one), Some(other)) = (folder(root, from), folder(root, to)) else {
                continue;
            };
            folders.extend([one, other]);
            let is_allowed = allowed.get(one).is_some_and(|known| known.contains(other));
            if one != other && !is_allowed {
                wrong.insert(format!("{one}/ -> {other}/: {from} imports {name} of {to}"));
            }
        }
        let wrong: Vec<_> = wrong.into_iter().collect();
        assert!(wrong.is_empty(), "{root}:\n{}", wrong.join("\n"));
        let named: BTreeSet<_> = allowed.keys().map(String::as_str).collect();
        let missing: Vec<_> = folders.difference(&named).collect();
        assert!(missing.is_empty(), "{root}: no row for {missing:?}");
    }
}

/// Reads the table whose first column is headed by the path of a folder: what each folder in it may import.
fn table(page: &str, root: &str) -> BTreeMap<String, BTreeSet<String>> {
    let heading = format!("| `{root}/` |");
    let lines = page.lines().skip_while(|line| !line.starts_with(&heading));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let folders = |cell: &str| -> BTreeSet<String> {
        let quoted = cell.split('`').skip(1).step_by(2);
        quoted
            .filter_map(|text| text.strip_suffix('/').map(str::to_owned))
            .collect()
    };
    let mut table = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let known = folders(cells[cells.len() - 1]);
        for folder in folders(cells[0]) {
            table.insert(folder, known.clone());
        }
    }
    assert!(!table.is_empty(), "ARCHITECTURE.md has no table of {root}/");
    table
}

/// The folder that a file is in, or belongs to: `model.rs` is the front of `model/`.
fn folder<'a>(root: &str, file: &'a str) -> Option<&'a str> {
    match file.split_once('/') {
        Some((folder, _)) => Some(folder),
        None => {
            let name = file.strip_suffix(".rs")?;
            repository().join(root).join(name).is_dir().then_some(name)
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The modules of a crate by their paths.
struct House {
    modules: BTreeMap<Vec<String>, Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    /// The names that are defined here, without modules.
    names: BTreeSet<String>,
    /// The names that are imported here.
    uses: Vec<Use>,
    /// Paths in the code.
    paths: BTreeSet<Vec<String>>,
}

struct Use {
    /// The name, or nothing for all names of a module.
    name: Option<String>,
    path: Vec<String>,
    is_public: bool,
}

impl House {
    fn read(root: &str) -> House {
        let mut house = House {
            modules: BTreeMap::new(),
        };
        let root = repository().join(root);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if path.is_dir() {
                    // Fuzzing is compiled for tests alone.
                    if !["tests", "fuzzing"].contains(&name) {
                        folders.push(path);
                    }
                } else if name.ends_with(".rs") && !["tests.rs", "schedules.rs"].contains(&name) {
                    let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
                    let parsed = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
                    house.add(file, module_path(file), &parsed.items);
                }
            }
        }
        house
    }

    fn add(&mut self, file: &str, path: Vec<String>, items: &[Item]) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            match item {
                Item::Use(item) => {
                    let is_public = !matches!(item.vis, Visibility::Inherited);
                    collect(&item.tree, &mut Vec::new(), is_public, &mut module.uses);
                }
                Item::Mod(item) => {
                    if let Some((_, items)) = &item.content {
                        let path = [path.clone(), vec![item.ident.to_string()]].concat();
                        self.add(file, path, items);
                    }
                }
                item => {
                    module.names.extend(name_of(item));
                    Paths(&mut module.paths).visit_item(item);
                }
            }
        }
        self.modules.insert(path, module);
    }

    /// All imports: from a file, to a file, and of which name.
    fn imports(&self) -> BTreeSet<(&str, &str, String)> {
        let mut imports = BTreeSet::new();
        for (at, module) in &self.modules {
            let own = module.uses.iter().filter(|one| !one.is_public);
            let own = own.map(|one| &one.path);
            for path in own.chain(&module.paths) {
                for (file, name) in self.definitions(at, path, 0) {
                    if file != module.file {
                        imports.insert((module.file.as_str(), file, name));
                    }
                }
            }
        }
        imports.retain(|(from, to, _)| *from != "lib.rs" && *to != "lib.rs");
        imports
    }

    /// Returns the places where the name at the end of a path is defined. There may be several, for example a macro and a module.
    fn definitions(&self, at: &[String], path: &[String], depth: usize) -> Vec<(&str, String)> {
        let (Some(first), true) = (path.first(), depth < 10) else {
            return Vec::new();
        };
        let rest = &path[1..];
        match first.as_str() {
            "crate" => return self.definitions_in(&[], rest, depth),
            "self" => return self.definitions_in(at, rest, depth),
            "super" => {
                let parent = &at[..at.len().saturating_sub(1)];
                return match rest.first().map(String::as_str) {
                    Some("super") => self.definitions(parent, rest, depth),
                    _ => self.definitions_in(parent, rest, depth),
                };
            }
            _ => {}
        }
        self.definitions_in(at, path, depth)
    }

    /// The same for a path that begins with a name in a module.
    fn definitions_in(&self, at: &[String], path: &[String], depth: usize) -> Vec<(&str, String)> {
        let Some((module, first)) = self.modules.get(at).zip(path.first()) else {
            return Vec::new();
        };
        let child = [at, std::slice::from_ref(first)].concat();
        if path.len() > 1 && self.modules.contains_key(&child) {
            return self.definitions_in(&child, &path[1..], depth);
        }
        if module.names.contains(first) {
            return vec![(module.file.as_str(), first.clone())];
        }
        let mut found = Vec::new();
        for one in &module.uses {
            let path = match &one.name {
                Some(name) if name == first => [&one.path, &path[1..]].concat(),
                None => [&one.path[..], path].concat(),
                Some(_) => continue,
            };
            found.extend(self.definitions(at, &path, depth + 1));
        }
        found
    }

    /// Files that import each other, each with all that it is in a circle with.
    fn circles(&self) -> BTreeSet<Vec<&str>> {
        let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to, _) in self.imports() {
            arrows.entry(from).or_default().insert(to);
        }
        let reached = |from| {
            let mut reached: BTreeSet<&str> = BTreeSet::new();
            let mut next = vec![from];
            while let Some(file) = next.pop() {
                let more = arrows.get(file).into_iter().flatten();
                next.extend(more.filter(|file| reached.insert(file)));
            }
            reached
        };
        let reached: BTreeMap<&str, _> = arrows.keys().map(|file| (*file, reached(file))).collect();
        let circle = |file: &&str| -> Vec<&str> {
            let others = reached[file].iter().copied();
            let back = |other: &&str| reached.get(other).is_some_and(|files| files.contains(file));
            others.filter(back).collect()
        };
        let circles = reached.keys().map(circle);
        circles.filter(|circle| circle.len() > 1).collect()
    }

    /// A circle with the names that tie it.
    fn describe(&self, circle: &[&str]) -> String {
        let mut text = format!("{} files:\n", circle.len());
        for (from, to, name) in self.imports() {
            if circle.contains(&from) && circle.contains(&to) {
                text += &format!("  {from} -> {to}: {name}\n");
            }
        }
        text
    }
}

/// The path of the module that a file is.
fn module_path(file: &str) -> Vec<String> {
    let file = file.strip_suffix(".rs").unwrap();
    let file = file.strip_suffix("/mod").unwrap_or(file);
    match file {
        "lib" => Vec::new(),
        file => file.split('/').map(str::to_owned).collect(),
    }
}

/// Returns whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else {
            return attribute.path().is_ident("test");
        };
        let condition = list.tokens.to_string();
        attribute.path().is_ident("cfg") && (condition == "test" || condition.contains("all (test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item defines.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The names that a `use` brings in.
fn collect(tree: &UseTree, before: &mut Vec<String>, is_public: bool, uses: &mut Vec<Use>) {
    let mut add = |name: Option<String>, last: Option<String>| {
        // `use a::{self}` is `use a`.
        let last = last.filter(|last| last != "self" || before.is_empty());
        let path = [before.clone(), Vec::from_iter(last)].concat();
        uses.push(Use {
            name,
            path,
            is_public,
        });
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect(&path.tree, before, is_public, uses);
            before.pop();
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            match before.last() {
                Some(module) if name == "self" => add(Some(module.clone()), None),
                _ => add(Some(name.clone()), Some(name)),
            }
        }
        UseTree::Rename(rename) => {
            add(
                Some(rename.rename.to_string()),
                Some(rename.ident.to_string()),
            );
        }
        UseTree::Glob(_) => add(None, None),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect(tree, before, is_public, uses);
            }
        }
    }
}

/// Collects the paths in the code of an item, tests apart.
struct Paths<'a>(&'a mut BTreeSet<Vec<String>>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.0
            .insert(segments.map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _visibility: &'ast syn::VisRestricted) {
        // `pub(in path)` imports nothing.
    }
}
