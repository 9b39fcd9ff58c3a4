import ibkr.orders.client.Client;
import ibkr.orders.v1.Order;

/** Buys one share and prints what happens to the order until it ends. ORDERS_SERVER names the gateway. */
final class PlaceAndWatch {
  public static void main(String[] arguments) {
    try (Client client = new Client(System.getenv("ORDERS_SERVER"))) {
      var order = Order.newBuilder().setAction(Order.Action.BUY).setSymbol("AAPL").setOrderType(Order.OrderType.MKT).setQuantity("1").build();
      var placed = client.place(order, requestId -> System.out.println("request id " + requestId));
      var watch = client.watch(placed.getOrderId(), 0);
      while (watch.hasNext()) {
        var event = watch.next();
        if (event.message().hasOrder()) {
          System.out.println(event.sequence() + " " + event.message().getOrder().getStatus() + " " + event.message().getOrder().getFilled());
        }
      }
    }
  }
}
