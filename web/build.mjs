// Builds the page into dist/, which the program embeds: index.html, app.js, app.css, and the digest of what they were built from.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const sources = [join(here, "src"), join(here, "../sdk/typescript/src")].flatMap((folder) =>
  readdirSync(folder).filter((name) => /\.(ts|html|css)$/.test(name)).sort().map((name) => join(folder, name)));
const digest = createHash("sha256");
for (const source of sources) digest.update(readFileSync(source));
const built = `${digest.digest("hex")}\n`;

if (process.argv.includes("--check")) {
  // The schema is left out: a page of an older one goes on working, and is built anew with the next change of the page.
  const before = readFileSync(join(here, "dist/sources.sha256"), "utf8");
  if (before !== built) throw new Error("web/dist is older than its sources: run npm run build in web/ and commit the result");
} else {
  await build({
    entryPoints: [join(here, "src/main.ts")], outfile: join(here, "dist/app.js"), bundle: true, minify: true, format: "esm", target: "es2022",
    nodePaths: [join(here, "node_modules")], legalComments: "none", logLevel: "warning",
  });
  for (const name of ["index.html", "app.css"]) copyFileSync(join(here, "src", name), join(here, "dist", name));
  writeFileSync(join(here, "dist/sources.sha256"), built);
}
