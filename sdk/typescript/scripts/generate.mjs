// Compiles the schemas into src/gen. The package compiles them under paths of their own, because two files of one name in one program fail.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const repository = resolve(here, "../..");
if (!existsSync(join(repository, "proto/orders.proto"))) {
  throw new Error("run this in the repository: the schemas are in its folder proto/");
}
const scratch = mkdtempSync(join(tmpdir(), "ibkr-orders-proto-"));
try {
  const schemas = {
    "proto/orders.proto": "ibkr/orders/v1/orders.proto",
    "proto/ibkr/simulator/v1/control.proto": "ibkr/simulator/v1/control.proto",
    "sdk/typescript/node_modules/google-proto-files/google/rpc/error_details.proto": "google/rpc/error_details.proto",
  };
  for (const [source, path] of Object.entries(schemas)) {
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    cpSync(join(repository, source), join(scratch, path));
  }
  const out = join(here, "src/gen");
  rmSync(out, { recursive: true, force: true });
  const template = join(scratch, "buf.gen.yaml");
  const plugin = join(here, "node_modules/.bin/protoc-gen-es");
  writeFileSync(template, JSON.stringify({
    version: "v2", plugins: [{ local: plugin, out, opt: ["target=ts", "import_extension=js"] }],
  }));
  execFileSync(join(here, "node_modules/.bin/buf"), ["generate", scratch, "--template", template], { stdio: "inherit" });
  cpSync(join(repository, "LICENSE"), join(here, "LICENSE"));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
