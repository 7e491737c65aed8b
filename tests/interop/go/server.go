// The interop server of grpc-go, on the loopback interface. Its own program listens on all interfaces.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

func main() {
	cert := flag.String("tls_cert_file", "", "the certificate chain of a server that uses TLS")
	key := flag.String("tls_key_file", "", "its private key")
	flag.Parse()

	var options []grpc.ServerOption
	if *cert != "" {
		identity, err := credentials.NewServerTLSFromFile(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(identity))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(options...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	fmt.Println("listening on", listener.Addr())
	log.Fatal(server.Serve(listener))
}
