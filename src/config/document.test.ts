import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parse } from "yaml";
import * as z from "zod";
import { loadConfig } from "./load.ts";
import { configReference, exampleConfig, jsonSchema, showConfig } from "./document.ts";
import { type SchemaNode, itemOf, kindsOf, memberOf, propertiesOf } from "./json-schema.ts";
import { parseConfig } from "./parse.ts";

function load(text: string) {
  return parseConfig({
    file: "holdfast.yaml",
    text,
    readableByOthers: true,
    home: "/home/me",
    defaultState: "/var/lib/holdfast",
    platform: "linux",
  });
}

/** Every part of the schema, with the keys that lead to it. */
function* parts(node: SchemaNode, path = ""): Generator<readonly [string, SchemaNode]> {
  yield [path, node];
  if (node.writeOnly === true) return;
  for (const kind of kindsOf(node)) {
    for (const [key, property] of propertiesOf(kind)) yield* parts(property, `${path}.${key}`);
    const member = memberOf(kind);
    if (member !== undefined) yield* parts(member, `${path}.NAME`);
    const item = itemOf(kind);
    if (item !== undefined) yield* parts(item, `${path}[]`);
  }
}

// A key can be right in itself and mean nothing without another one that is not in use.
const needsMore =
  /there is no repository|cannot be on a volume of another machine|only a drive that is known by its `device`/;

suite("the example", () => {
  test("loads as it is, without a warning", () => {
    const { warnings, jobs } = load(exampleConfig());

    assert.deepEqual([warnings, [...jobs.keys()]], [[], ["documents"]]);
  });

  test("has every key that there is, in use or not", () => {
    const text = exampleConfig();

    for (const [key] of propertiesOf(jsonSchema()))
      assert.match(text, new RegExp(`^(#: )?${key}:`, "m"));
    for (const key of [
      "marker",
      "snapshot-per-source",
      "hooks",
      "prune-every",
      "include-details",
    ]) {
      assert.match(text, new RegExp(`^ +(#: )?${key}: `, "m"));
    }
  });

  test("has something to show for every key", () => {
    const empty = exampleConfig()
      .split("\n")
      .filter((line) => /: .*…/.test(line) && !/^ *# /.test(line));

    // "…" stands where the schema has neither an example nor a default.
    assert.deepEqual(empty, []);
  });

  const lines = exampleConfig().split("\n");
  const unused = lines.flatMap((line, index) => (/^ *#: /.test(line) ? [index] : []));
  for (const index of unused) {
    const line = (lines[index] ?? "").replace("#: ", "");
    test(`is still understood when this is used: ${line.trim()}`, () => {
      const text = lines.with(index, line).join("\n");

      const problems = problemsOf(text).filter((message) => !needsMore.test(message));

      assert.deepEqual(problems, []);
    });
  }
});

function problemsOf(text: string): readonly string[] {
  try {
    load(text);
    return [];
  } catch (error) {
    return error instanceof Error ? error.message.split("\n") : [String(error)];
  }
}

suite("the JSON Schema", () => {
  test("has words for every key", () => {
    const wordless = [...parts(jsonSchema())].filter(
      ([path, { description }]) => /\.[a-z-]+$/.test(path) && description === undefined,
    );

    assert.deepEqual(
      wordless.map(([path]) => path),
      [],
    );
  });

  test("has only defaults and examples that it allows itself", () => {
    const wrong = [...parts(jsonSchema())].flatMap(([path, node]) => {
      const schema = z.fromJSONSchema(JSON.parse(JSON.stringify({ ...node, default: undefined })));
      const values = [node.default, ...(Array.isArray(node.examples) ? node.examples : [])];
      return values
        .filter((value) => value !== undefined && !schema.safeParse(value).success)
        .map((value) => `${path}: ${JSON.stringify(value)}`);
    });

    assert.deepEqual(wrong, []);
  });

  test("allows the configuration with everything, and refuses an unknown key", async () => {
    const valid = await readFile(join(import.meta.dirname, "testdata/valid.yaml"), "utf8");
    const data: unknown = parse(valid.replaceAll("~/", "/home/me/"), { merge: true });
    const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(jsonSchema())));

    assert.equal(schema.safeParse(data).success, true);
    assert.equal(schema.safeParse({ ...Object(data), jbos: {} }).success, false);
  });

  test("marks secrets, and nothing else", () => {
    const secrets = [...parts(jsonSchema())].filter(([, { writeOnly }]) => writeOnly === true);

    const paths = new Set(secrets.map(([path]) => path));
    assert.ok(paths.has(".repositories.NAME.password"));
    assert.ok(paths.has(".notifiers.NAME.webhook"));
    assert.ok(!paths.has(".repositories.NAME.at"));
  });
});

suite("the reference", () => {
  test("names every key", () => {
    const page = configReference();

    const keys = [...parts(jsonSchema())].flatMap(([path]) => /\.([a-z-]+)$/.exec(path)?.[1] ?? []);
    const missing = [...new Set(keys)].filter((key) => !page.includes(`| \`${key}\` |`));
    assert.deepEqual(missing, []);
  });

  test("has tables whose rows have as many cells as their heads", () => {
    const rows = configReference()
      .split("\n")
      .filter((line) => line.startsWith("| `"));

    const odd = rows.filter(
      (row) => ![3, 5].includes(row.replaceAll("\\|", "").split("|").length - 1),
    );
    assert.deepEqual(odd, []);
  });
});

async function shown(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  try {
    const file = join(folder, "holdfast.yaml");
    await writeFile(file, text, { mode: 0o600 });
    return showConfig(await loadConfig({ file, env: {}, home: "/home/me" }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function withoutFirstLine(text: string): string {
  return text.slice(text.indexOf("\n"));
}

suite("the configuration as it was understood", () => {
  test("has all defaults", async () => {
    const text = await shown(`
repositories: { a: { engine: restic, at: /srv/a, password: { env: X } } }
jobs: { a: { sources: [~/Documents], repository: a } }
`);

    const data: unknown = parse(text);
    assert.partialDeepStrictEqual(data, {
      concurrency: 4,
      repositories: { a: { at: "/srv/a", password: { env: "X" }, "snapshot-per-source": false } },
      jobs: {
        a: {
          sources: ["~/Documents"],
          "prune-every": "7d",
          hooks: { before: [], timeout: "1h" },
          retry: ["1m", "2m", "5m", "10m", "20m", "30m", "60m"],
        },
      },
    });
  });

  test("is a configuration again, and means the same", async () => {
    const valid = await readFile(join(import.meta.dirname, "testdata/valid.yaml"), "utf8");

    const once = await shown(valid);
    const twice = await shown(once);

    assert.equal(withoutFirstLine(twice), withoutFirstLine(once));
  });

  test("has no secret in it", async () => {
    const text = await shown(`
repositories:
  a:
    engine: restic
    at: /srv/a
    password: hunter2-shown
    environment: { AWS_SECRET_ACCESS_KEY: hunter2-environment, B: { file: /etc/b } }
notifiers:
  hook: { type: webhook, url: "https://example.org/hunter2-url", headers: { X-Token: hunter2-header } }
  many: { type: apprise, urls: ["mailto://hunter2-apprise@example.org"] }
jobs: { a: { sources: [/home], repository: a, notify: [hook, many] } }
`);

    assert.doesNotMatch(text, /hunter2/);
    assert.partialDeepStrictEqual(parse(text), {
      repositories: { a: { password: "***", environment: { B: { file: "/etc/b" } } } },
      notifiers: { hook: { url: "***", headers: { "X-Token": "***" } }, many: { urls: ["***"] } },
    });
  });
});
