// Bundles src/main.ts with all that it imports into dist/, which runs without node_modules.
//
//   dist/holdfast.cjs         what bin/holdfast starts; names the bundle, and is replaced last
//   dist/<bundle>/main.cjs    the bundle, named after its content: what every start and `status` need
//   dist/<bundle>/*.cjs       what it loads when it is asked for more: all commands, and each package that
//                             only some of them need
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

// Of what src/main.ts imports lazily, this is in its own bundle.
const quickImport = "./cli/quick-status.ts";

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

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24",
  mainFields: ["module", "main"],
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "none",
  // Half as much to read at every start. Names stay, for the stacks of bugs.
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: "warning",
} satisfies esbuild.BuildOptions;

const commonJs = {
  ...common,
  format: "cjs",
  // What is left to be loaded later is loaded by require.
  supported: { "dynamic-import": false },
} satisfies esbuild.BuildOptions;

/** The file that holds all commands but `status`. */
const commandsFile = "commands.cjs";

/**
 * Bundles everything as CommonJS, in few files: reading many, and Node's loader of ES modules, take longer
 * than all the rest of a start.
 */
async function bundle(into: string): Promise<void> {
  const lazy = await bundleMain(join(into, "main.cjs"));
  const packages = await bundleCommands(join(into, commandsFile), lazy);
  for (const name of packages) {
    await esbuild.build({ ...commonJs, entryPoints: [name], outfile: join(into, fileOf(name)) });
  }
}

/** What every start needs, and `status`, which has to be quick. Answers with what it leaves to be loaded later. */
async function bundleMain(outfile: string): Promise<ReadonlySet<string>> {
  const lazy = new Set<string>();
  const leaveLazy: esbuild.Plugin = {
    name: "leave what main imports lazily to the commands",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, kind, importer, resolveDir }) => {
        const isMain = importer === join(root, "src/main.ts");
        if (!isMain || kind !== "dynamic-import" || path === quickImport) return undefined;
        lazy.add(join(resolveDir, path));
        return { path: `./${commandsFile}`, external: true };
      });
    },
  };
  await esbuild.build({
    ...commonJs,
    entryPoints: ["src/main.ts"],
    outfile,
    plugins: [trimPackageJson, leaveLazy],
  });
  return lazy;
}

/** All commands. Answers with the packages that are imported lazily, each of which gets a file of its own. */
async function bundleCommands(
  outfile: string,
  modules: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const packages = new Set<string>();
  const leavePackages: esbuild.Plugin = {
    name: "leave packages that are imported lazily",
    setup(build) {
      build.onResolve({ filter: /^[^.]/ }, ({ path, kind, importer }) => {
        const isOurs = importer.startsWith(join(root, "src"));
        if (!isOurs || kind !== "dynamic-import" || path.startsWith("node:")) return undefined;
        packages.add(path);
        return { path: `./${fileOf(path)}`, external: true };
      });
    },
  };
  const contents = [...modules].map((path) => `export * from ${JSON.stringify(path)};`).join("\n");
  await esbuild.build({
    ...commonJs,
    stdin: { contents, resolveDir: root, sourcefile: "commands.js" },
    outfile,
    plugins: [trimPackageJson, leavePackages],
  });
  return packages;
}

function fileOf(name: string): string {
  return `${name.replaceAll(/[^a-z0-9]+/gi, "-").replace(/^-/, "")}.cjs`;
}

async function launcher(main: string): Promise<string> {
  const { code } = await esbuild.transform(
    readFileSync(join(import.meta.dirname, "launch.ts"), "utf8"),
    {
      loader: "ts",
      target: "node14.8",
      format: "cjs",
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

const entry = join(dist, `.holdfast-${process.pid}.cjs`);
writeFileSync(entry, await launcher(`./${name}/main.cjs`));
utimesSync(entry, started, started);
renameSync(entry, join(dist, "holdfast.cjs"));
removeOldBundles(name, values.clean ? 0 : keptBundles);
