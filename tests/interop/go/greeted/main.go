// Makes one call with grpc-go's client: `greeted ADDRESS SECONDS wait|fail`. It prints the status of the call. The program `greeted` of
// the tests measures its cost.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: greeted ADDRESS SECONDS wait|fail")
	}
	address, mode := os.Args[1], os.Args[3]
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	channel, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	defer cancel()
	err = channel.Invoke(ctx, "/probe.v1.Probe/Unary", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(mode == "wait"))
	fmt.Println(err)
}
