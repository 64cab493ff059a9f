/** Every part, in the order of the page. */
import type { Part } from "../Stage";
import { basics } from "./basics";
import { conversations } from "./conversations";
import { feedback } from "./feedback";
import { fields } from "./fields";
import { frames } from "./frames";
import { overlays } from "./overlays";
import { people } from "./people";
import { writing } from "./writing";

export const parts: readonly Part[] = [...basics, ...fields, ...overlays, ...feedback, ...people, ...conversations, ...writing, ...frames];
