// What a person may do here: cancel, change, halt, resume. What the caller's role does not allow is not offered.
import {
  type Change, type Client, OrderError, type OrderState, Order_OrderType, Order_TimeInForce, Replacement_Status, TradingState,
} from "../../sdk/typescript/src/web.js";
import type { Limits } from "./account.js";
import { dialog, element, say, told, write } from "./dom.js";
import { isLeg, phrase, word } from "./orders.js";

/** The fields of the form that changes an order, with the types of order that have each. */
const FIELDS = {
  quantity: "all",
  limitPrice: [Order_OrderType.LMT, Order_OrderType.STP_LMT, Order_OrderType.LOC],
  stopPrice: [Order_OrderType.STP, Order_OrderType.STP_LMT],
  trailAmount: [Order_OrderType.TRAIL, Order_OrderType.TRAIL_LIMIT],
  trailPercent: [Order_OrderType.TRAIL, Order_OrderType.TRAIL_LIMIT],
  limitOffset: [Order_OrderType.TRAIL_LIMIT],
} as const satisfies Record<string, "all" | readonly Order_OrderType[]>;
type Field = keyof typeof FIELDS;

export class Actions {
  /** Whether the caller may trade; not known before the gateway was asked. */
  private trades: boolean | undefined;
  private halted = false;

  constructor(private readonly client: Client, private readonly limits: Limits, private readonly take: (order: OrderState) => void) {
    element("halt").addEventListener("click", () => void this.stopButton());
  }

  get mayTrade(): boolean {
    return this.trades === true;
  }

  /** Asks what the caller may do: a dry run of no order is refused as invalid to whoever may trade. */
  async learnRole(): Promise<void> {
    try {
      await this.client.place({}, { dryRun: true, deadline: 5 });
      this.trades = true;
    } catch (error) {
      if (!(error instanceof OrderError) || !error.fromGateway) return;
      if (error.reason === "UNAUTHENTICATED") return;
      this.trades = error.reason !== "ROLE";
    }
    document.body.dataset["role"] = this.trades ? "trade" : "read";
  }

  /** Reads the limits and the halts. */
  async learnLimits(): Promise<void> {
    const { state, halts, limits, problem } = await this.client.limits({ deadline: 5 });
    this.halted = state === TradingState.CANCEL_ONLY;
    this.limits.show(limits);
    const reasons = halts.map(({ reason, caller, account }) => {
      const whose = [caller && `caller ${caller}`, account && `account ${account}`].filter((part) => part).join(", ");
      return `${whose === "" ? "everybody" : whose}${reason === "" ? "" : `: ${reason}`}`;
    });
    const notice = element("halted");
    notice.hidden = !this.halted && problem === undefined;
    write(notice, [
      this.halted ? `New orders are halted (${reasons.join("; ")}). Cancels go.` : "",
      problem === undefined ? "" : `The limits file is not used as it is now: ${problem}`,
    ].join(" ").trim());
    write(element("halt"), this.halted ? "Resume" : "Halt");
    document.body.dataset["halted"] = String(this.halted);
  }

  async cancel(order: OrderState): Promise<void> {
    if (order.terminal || !this.mayTrade) return;
    const both = isLeg(order);
    element("confirm-text").textContent = `Order ${order.orderId}: ${phrase(order)}, ${order.filled} filled.`
      + (both ? " It is an exit of a bracket: where the other exit works, TWS ends both, and a position stays without them." : "");
    if ((await dialog("confirm")) !== "yes") return;
    try {
      const now = await this.client.cancel({ orderId: order.orderId }, { withSibling: both });
      this.take(now);
      say(`Order ${order.orderId}: ${word(now)}`);
    } catch (error) {
      say(`Order ${order.orderId} was not cancelled: ${told(error)}`);
    }
  }

  async replace(order: OrderState): Promise<void> {
    if (order.terminal || !this.mayTrade) return;
    write(element("replace-title"), `Change order ${order.orderId}`);
    write(element("replace-text"), phrase(order));
    const before: Partial<Record<Field, string>> = {};
    for (const field of Object.keys(FIELDS) as Field[]) {
      const input = element<HTMLInputElement>(`replace-${field}`);
      const types: "all" | readonly Order_OrderType[] = FIELDS[field];
      const distance = (field === "trailAmount" || field === "trailPercent") && order[field] === undefined;
      const shown = (types === "all" || types.includes(order.orderType)) && !distance && !(field === "quantity" && order.bracketId !== undefined);
      (input.closest("label") as HTMLElement).hidden = !shown;
      input.disabled = !shown;
      input.value = order[field] ?? "";
      if (shown) before[field] = input.value;
    }
    const tif = element<HTMLSelectElement>("replace-tif");
    tif.value = Order_TimeInForce[order.tif] ?? "";
    const tifBefore = tif.value;
    if ((await dialog("replace")) !== "yes") return;
    const change: Record<string, string | Order_TimeInForce> = {};
    for (const [field, value] of Object.entries(before)) {
      const now = element<HTMLInputElement>(`replace-${field}`).value.trim();
      if (now !== value && now !== "") change[field] = now;
    }
    if (tif.value !== tifBefore && tif.value !== "") change["tif"] = Order_TimeInForce[tif.value as keyof typeof Order_TimeInForce];
    if (Object.keys(change).length === 0) return say(`Order ${order.orderId}: nothing was to change`);
    try {
      const { order: now } = await this.client.replace({ orderId: order.orderId }, change as Change, { expectedRevision: order.termsRevision });
      if (now === undefined) return;
      this.take(now);
      const { status = Replacement_Status.PENDING, error = "" } = now.replacement ?? {};
      say(`Order ${order.orderId}: change ${Replacement_Status[status] ?? status}${error === "" ? "" : `, ${error}`}`);
    } catch (error) {
      say(`Order ${order.orderId} was not changed: ${told(error)}`);
    }
  }

  /** Halts, or resumes where new orders are halted. */
  async stopButton(): Promise<void> {
    if (!this.mayTrade) return;
    try {
      if (this.halted) {
        if ((await dialog("resume")) !== "yes") return;
        await this.client.resume();
        say("New orders are taken again");
      } else {
        element<HTMLInputElement>("halt-reason").value = "";
        element<HTMLInputElement>("halt-cancel").checked = false;
        if ((await dialog("halt-dialog")) !== "yes") return;
        const cancelOpen = element<HTMLInputElement>("halt-cancel").checked;
        const { cancelled, persisted } = await this.client.halt(element<HTMLInputElement>("halt-reason").value.trim(), { cancelOpen });
        const left = cancelled === undefined ? "" : `, ${cancelled.stillOpen.length} orders are still open`;
        say(`New orders are halted${left}${persisted ? "" : "; the halt is not stored yet"}`);
      }
    } catch (error) {
      const why = error instanceof OrderError && error.reason === "ROLE" ? "only an admin may lift a halt" : told(error);
      say(`${this.halted ? "Not resumed" : "Not halted"}: ${why}`);
    }
    await this.learnLimits().catch(() => {});
  }
}
