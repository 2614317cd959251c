// Bundles src/main.ts with all that it imports into dist/, which runs without node_modules.
//
//   dist/holdfast.js          what bin/holdfast starts; names the bundle, and is replaced last
//   dist/<bundle>/main.js     the bundle, named after its content; chunks that are imported lazily
//
// A build may be interrupted, and several may run at once: nothing that is in use is ever changed.
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

// A daemon may import a chunk of its own bundle long after newer ones were built.
const keptBundles = 10;

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

const { values } = parseArgs({ options: { clean: { type: "boolean", default: false } } });

/** Of package.json only what the program may know of it ends up in the bundle. */
const trimPackageJson: esbuild.Plugin = {
  name: "trim package.json",
  setup(build) {
    build.onLoad({ filter: /[/\\]package\.json$/ }, ({ path }) => {
      if (path !== join(root, "package.json")) return undefined;
      const { name, version, description } = JSON.parse(readFileSync(path, "utf8"));
      return { contents: JSON.stringify({ name, version, description }), loader: "json" };
    });
  },
};

async function bundle(into: string): Promise<void> {
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ["src/main.ts"],
    outdir: into,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    mainFields: ["module", "main"],
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
    plugins: [trimPackageJson],
    // Packages written as CommonJS ask for Node's own modules with require.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
}

async function launcher(main: string): Promise<string> {
  const { code } = await esbuild.transform(
    readFileSync(join(import.meta.dirname, "launch.ts"), "utf8"),
    {
      loader: "ts",
      target: "node14.8",
      format: "esm",
      define: { MAIN: JSON.stringify(main) },
      logLevel: "warning",
    },
  );
  return code;
}

function digest(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).toSorted()) {
    hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest("hex").slice(0, 12);
}

/** Gives a folder its final name; another build with the same outcome may have been faster. */
function settle(made: string, final: string): void {
  if (!existsSync(final)) {
    try {
      renameSync(made, final);
      return;
    } catch (error) {
      if (!existsSync(final)) throw error;
    }
  }
  rmSync(made, { recursive: true });
}

function removeOldBundles(current: string, keep: number): void {
  const madeAt = (name: string) =>
    statSync(join(dist, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newestFirst = readdirSync(dist).toSorted((a, b) => madeAt(b) - madeAt(a));
  const old = newestFirst.filter((name) => /^[0-9a-f]{12}$/.test(name) && name !== current);
  const abandoned = newestFirst.filter(
    (name) => name.startsWith(".") && Date.now() - madeAt(name) > 3_600_000,
  );
  for (const name of [...old.slice(keep), ...abandoned]) {
    rmSync(join(dist, name), { recursive: true, force: true });
  }
}

// What is saved while the build runs is newer than the bundle: the next start builds again.
const started = new Date();
const made = join(dist, `.building-${process.pid}`);
try {
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
} catch (error) {
  console.error(`error: the bundle has to be built and ${dist} cannot be written`);
  console.error(`cause: ${error instanceof Error ? error.message : String(error)}`);
  console.error("hint: build it as the owner of this clone: npm run build");
  process.exit(1);
}
try {
  await bundle(made);
} catch {
  // esbuild has said on stderr what is wrong, and where.
  rmSync(made, { recursive: true, force: true });
  process.exit(1);
}
const name = digest(made);
settle(made, join(dist, name));

const entry = join(dist, `.holdfast-${process.pid}.js`);
writeFileSync(entry, await launcher(`./${name}/main.js`));
utimesSync(entry, started, started);
renameSync(entry, join(dist, "holdfast.js"));
removeOldBundles(name, values.clean ? 0 : keptBundles);
