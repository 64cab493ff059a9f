/**
 * Invitation links: as the core knows them, and as addresses of this app that a browser opens.
 *
 * Always holds: what lets somebody in stands behind `#`, where no server hears of it. Deliberately absent: the
 * group's name, which the link would give to whoever carries it; and whether a link is whole, which the core
 * sees by its last bytes.
 */

/** What every link begins with. */
export const INVITATION = "comity:group/";
/** In an address, what stands before the part that differs. */
const WAY = "#join/";
/** Version, server, group, key and check: 55 bytes and more, in base64url. */
const REST = /^[\w-]{74,1011}$/;

/** Whether a text can be a link. */
export function isInvitation(link: string): boolean {
  return link.startsWith(INVITATION) && REST.test(link.slice(INVITATION.length));
}

/** How a link stands in an address: without what all begin with. */
export function partOf(link: string): string {
  const rest = link.slice(INVITATION.length);
  return link.startsWith(INVITATION) && /^[\w-]+$/.test(rest) ? rest : encodeURIComponent(link);
}

/** The link of which this stood in an address: whole, or without what all begin with. */
export function linkOf(part: string): string {
  return part.includes(":") ? part : INVITATION + part;
}

/** A link as an address of this app, so that a browser opens it. */
export function inviteAddress(link: string, origin: string): string {
  return `${origin}/${WAY}${partOf(link)}`;
}

/** The link in what was pasted or scanned: itself, or in an address around it. */
export function invitationIn(text: string): string {
  const plain = text.trim();
  const at = plain.indexOf(WAY);
  if (at < 0) return plain;
  const part = plain.slice(at + WAY.length);
  try {
    return linkOf(decodeURIComponent(part));
  } catch {
    return part;
  }
}

/** The link in an address, where it is one of this app itself. */
export function ownInvitation(href: string, origin: string): string | undefined {
  if (!href.startsWith(`${origin}/${WAY}`)) return undefined;
  const link = invitationIn(href);
  return isInvitation(link) ? link : undefined;
}
