import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptors;
import io.grpc.TlsServerCredentials;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.testing.integration.TestServiceImpl;
import java.io.File;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/**
 * The interop server of grpc-java on the loopback interface: its own program listens on all of them. Its arguments are the files of a
 * certificate chain and of its private key, or nothing.
 */
public final class InteropServer {
  public static void main(String[] files) throws Exception {
    ServerCredentials credentials =
        files.length == 0
            ? InsecureServerCredentials.create()
            : TlsServerCredentials.create(new File(files[0]), new File(files[1]));
    TestServiceImpl service = new TestServiceImpl(Executors.newScheduledThreadPool(4));
    InetSocketAddress address = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
    Server server =
        NettyServerBuilder.forAddress(address, credentials)
            .addService(ServerInterceptors.intercept(service, TestServiceImpl.interceptors()))
            .build()
            .start();
    System.out.println("listening on 127.0.0.1:" + server.getPort());
    server.awaitTermination();
  }
}
