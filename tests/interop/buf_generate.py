"""`buf generate` runs our plugin with both of its strategies, and a crate that depends only on stubwright compiles the tree."""

import pathlib
import shutil

from buf import BUF
from harness import ROOT, cargo_build, equal
from harness import run as run_program
from peers import node
from plugin import package

TEMPLATE = """\
version: v2
plugins:
  - local: {plugin}
    out: {output}
    strategy: {strategy}
    opt: module_tree={tree}
"""

# Packages in directories of their own, some below others, that refer to each other. They are not in the fixtures because each
# strategy passes other sets of files to the plugin.
PROTOS = {
    "shop/v1/shop.proto": """\
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import "shop/money/v1/money.proto";
service Shop {
  rpc Buy(Order) returns (stream Receipt);
}
message Order {
  string article = 1;
}
message Receipt {
  shop.money.v1.Money price = 1;
  google.protobuf.Timestamp at = 2;
}
""",
    "shop/v1/stock.proto": """\
syntax = "proto3";
package shop.v1;
import "shop/v1/shop.proto";
service Stock {
  rpc Reserve(stream Order) returns (Reserved);
}
message Reserved {
  repeated Order orders = 1;
}
""",
    "shop/money/v1/money.proto": """\
syntax = "proto3";
package shop.money.v1;
message Money {
  string currency = 1;
  int64 units = 2;
}
""",
}


def run(checks, plugin, directory):
    buf = node("buf", BUF)
    if buf is None:
        return
    crates = directory / "buf"
    protos = crates / "protos"
    for name, text in PROTOS.items():
        (protos / name).parent.mkdir(parents=True, exist_ok=True)
        (protos / name).write_text(text)
    trees = {}
    for strategy in ("all", "directory"):
        trees[strategy] = crates / strategy / "src/pb"
        checks(f"buf generate, strategy {strategy}: it writes a tree", generate, buf, plugin, protos, strategy, trees[strategy])
    checks("buf generate: both strategies write the same", same, trees["all"], trees["directory"])
    for strategy in trees:
        checks(f"buf generate, strategy {strategy}: a crate that depends only on stubwright compiles it", build, crates, strategy)


def generate(buf, plugin, protos, strategy, output):
    package(output.parents[2], strategy)
    template = output.parents[1] / "buf.gen.yaml"
    # With the strategy `directory`, each directory is a run of its own, and no run knows all modules.
    whole = strategy == "all"
    template.write_text(TEMPLATE.format(plugin=plugin, output=output, strategy=strategy, tree=str(whole).lower()))
    run_program(buf, "generate", protos, "--template", template)
    if not whole:
        run_program(plugin, "modules", output)
    (output.parent / "lib.rs").write_text("pub mod pb;\n")


def same(one, other):
    one, other = texts(one), texts(other)
    equal(sorted(one), ["mod.rs", "shop.money.v1.rs", "shop.v1.rs"])
    equal(sorted(other), sorted(one))
    for name, text in one.items():
        equal(other[name], text)


def texts(tree):
    """Returns the files without their descriptors. A run that generates no module for an import embeds the import's descriptors."""
    files = pathlib.Path(tree).rglob("*.rs")
    return {file.name: file.read_text().partition("/// Descriptors of the protos")[0].rstrip() for file in files}


def build(crates, strategy):
    (crates / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["all", "directory"]\n')
    # The lock file has the versions of the workspace, which are downloaded already.
    shutil.copy(ROOT / "Cargo.lock", crates)
    cargo_build("--offline", f"--package={strategy}", directory=crates)
