package ibkr.orders.client;

/**
 * Bytes may have left, and no answer came in time. Place the same order again under {@link #requestId()} (it never makes a second one), or look
 * with {@link Client#getPlacedAs}.
 */
public final class OutcomeUnknown extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The request id. */
  private final String requestId;

  OutcomeUnknown(String requestId, OrderError last) {
    super("the outcome of request " + requestId + " is not known: place the same order again under this request id, or get it by the request id it "
        + "was placed as; the last attempt said: " + last.getMessage(), last);
    this.requestId = requestId;
  }

  /**
   * The request id that finds the order, where there is one.
   *
   * @return the id
   */
  public String requestId() {
    return requestId;
  }
}
