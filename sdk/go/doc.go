// Package ibkrorders calls ibkr-orders, the order gateway for Interactive Brokers.
//
//	client, err := ibkrorders.Dial("http://127.0.0.1:50051")
//	placed, err := client.Place(ctx, &ordersv1.Order{Action: ordersv1.Order_BUY, Symbol: "AAPL",
//		OrderType: ordersv1.Order_MKT, Quantity: "1"}, ibkrorders.PlaceOptions{Transmit: true})
//	watch := client.Watch(ctx, ibkrorders.WatchOptions{OrderID: placed.OrderId})
//	for {
//		event, err := watch.Next() // io.EOF at the end of the order
//		...
//	}
//
// Messages are those of proto/orders.proto (package ordersv1, generated): quantities and prices are decimal strings.
package ibkrorders
