package ibkr.orders.client;

/**
 * One thing that is wrong with an order, or one rule that it breaks.
 *
 * @param field the field, or the rule and what it is about
 * @param description a sentence that says what to do
 */
public record Violation(String field, String description) {}
