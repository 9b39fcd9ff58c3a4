// Buys one share and prints what happens to the order until it ends. ORDERS_SERVER names the gateway.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"ibkrorders"
	"ibkrorders/ordersv1"
)

func main() {
	client, err := ibkrorders.Dial(os.Getenv("ORDERS_SERVER"))
	if err != nil {
		log.Fatal(err)
	}
	order := &ordersv1.Order{Action: ordersv1.Order_BUY, Symbol: "AAPL", OrderType: ordersv1.Order_MKT, Quantity: "1"}
	placed, err := client.Place(context.Background(), order, ibkrorders.PlaceOptions{Transmit: true})
	if err != nil {
		log.Fatal(err)
	}
	watch := client.Watch(context.Background(), ibkrorders.WatchOptions{OrderID: placed.OrderId})
	for {
		event, err := watch.Next()
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		if event.Order != nil {
			fmt.Println(event.Sequence, event.Order.Status, event.Order.Filled, event.Order.GetAvgFillPrice())
		}
	}
}
