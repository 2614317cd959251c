import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Options } from "./options.ts";

const least = { data: "/srv/nc/data", occ: ["php", "occ"] };

function problems(more: Readonly<Record<string, unknown>>): readonly string[] {
  const parsed = Options.safeParse({ ...least, ...more });
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

suite("what is said about a Nextcloud", () => {
  test("needs no more than its data directory and its occ", () => {
    const options = Options.parse(least);

    assert.equal(options.capture, "auto");
    assert.equal(options.maintenance, "auto");
    assert.equal(options.settle, 1000);
    assert.deepEqual(options.database, { through: [], compress: "none" });
    assert.deepEqual(options.extra, []);
  });

  test("is refused when emptying the staging folder would remove what is backed up", () => {
    const inOrAround = ["/srv/nc", "/srv/nc/data", "/srv/nc/data/staging", "/srv//nc/./", "/"];

    for (const staging of inOrAround) {
      assert.match(problems({ staging }).join(), /neither in nor around/, staging);
    }
    assert.match(problems({ extra: ["/srv/apps"], staging: "/srv/apps/x" }).join(), /neither in/);
    assert.match(problems({ config: "/srv/conf", staging: "/srv/conf" }).join(), /neither in/);
    assert.deepEqual(problems({ staging: "/srv/nc/data-staging" }), []);
  });

  test("is refused when two folders would be kept under one name", () => {
    assert.match(problems({ extra: ["/srv/a/apps", "/srv/b/apps"] }).join(), /called apps/);
    assert.match(problems({ extra: ["/a/config"], config: "/b" }).join(), /under the name config/);
  });

  test("is refused when a command is a line for a shell", () => {
    assert.match(problems({ occ: "php occ" }).join(), /a program and its arguments as a list/);
  });

  test("takes paths as they are meant", () => {
    assert.equal(Options.parse({ ...least, config: "/srv//nc/config/" }).config, "/srv/nc/config");
  });
});
