// Knows: how polkit is told that a user may unlock and mount without a password. Must not know: who asks.

// All that udisks asks for while a drive is unlocked, mounted, unmounted and locked; "-system" is for
// drives that it does not take for removable, "-others" for what root or another user began.
const actions = [
  "filesystem-mount",
  "filesystem-mount-system",
  "filesystem-mount-other-seat",
  "filesystem-fstab",
  "filesystem-unmount-others",
  "encrypted-unlock",
  "encrypted-unlock-system",
  "encrypted-unlock-other-seat",
  "encrypted-unlock-crypttab",
  "encrypted-lock-others",
].map((action) => `org.freedesktop.udisks2.${action}`);

/** The file that takes the rule. */
export const polkitRuleFile = "/etc/polkit-1/rules.d/50-holdfast.rules";

/** A rule of polkit, in its JavaScript, by which a user may do all that attaching needs. */
export function polkitRule(user: string): string {
  // A name is data in it: quoted as JSON, which is JavaScript too.
  const list = actions.map((action) => `  ${JSON.stringify(action)},\n`).join("");
  return `// ${polkitRuleFile}: Holdfast may unlock and mount drives as this user.
var holdfastActions = [
${list}];
polkit.addRule(function (action, subject) {
  if (subject.user === ${JSON.stringify(user)} && holdfastActions.indexOf(action.id) !== -1) {
    return polkit.Result.YES;
  }
});
`;
}
