using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Cilium.ControlPlane.Observation;
using Cilium.ControlPlane.Serving;
using Cilium.Hubble.Client;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Proto;
using Cilium.Hubble.Serving;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using static Cilium.ControlPlane.Tests.Observation.TestCertificates;

namespace Cilium.ControlPlane.Tests.Observation;

public sealed class HubbleDoorsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-hubble-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string SocketPath => Path.Combine(_directory, "hubble.sock");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Hubble_is_served_on_its_socket_and_on_TCP_by_the_web_server_of_the_agent()
    {
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        await using var doors = DoorsOn(web, tcp);
        await doors.OpenAsync(Ct);

        foreach (var address in new[] { $"unix://{SocketPath}", tcp })
        {
            using var channel = HubbleAddress.Parse(address).Open(TimeSpan.FromSeconds(30));
            var status = await new Observer.ObserverClient(channel).ServerStatusAsync(new ServerStatusRequest(), cancellationToken: Ct);
            Assert.Equal((4095ul, "cilium v0"), (status.MaxFlows, status.Version));
        }
    }

    [Fact]
    public async Task A_port_that_is_taken_leaves_the_socket_answering()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        await using var doors = DoorsOn(web, taken.LocalEndPoint!.ToString()!);

        await Assert.ThrowsAsync<IOException>(() => doors.OpenAsync(Ct));

        using var channel = HubbleAddress.Parse($"unix://{SocketPath}").Open(TimeSpan.FromSeconds(30));
        Assert.Equal(4095ul, (await new Observer.ObserverClient(channel).ServerStatusAsync(new ServerStatusRequest(), cancellationToken: Ct)).MaxFlows);
    }

    [Fact]
    public async Task With_TLS_only_clients_with_a_certificate_of_the_authorities_are_answered()
    {
        using var authority = Authority("Cilium CA");
        using var other = Authority("another CA");
        using var stranger = Authority("a CA that is not trusted");
        using var server = Issue(authority, "node-a.default.hubble-grpc.cilium.io");
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        await using var doors = DoorsOn(web, tcp, options =>
        {
            options.DisableTls = false;
            options.TlsCertFile = Write("server.crt", server.ExportCertificatePem());
            options.TlsKeyFile = Write("server.key", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            options.TlsClientCaFiles = [Write("other-ca.crt", other.ExportCertificatePem()), Write("ca.crt", authority.ExportCertificatePem())];
        });
        await doors.OpenAsync(Ct);

        using var known = Issue(authority, "a.hubble-relay.cilium.io");
        using var unknown = Issue(stranger, "a.hubble-relay.cilium.io");
        using var unusable = Issue(authority, "a.hubble-relay.cilium.io", "1.3.6.1.5.5.7.3.1");
        Assert.Equal("", await RefusalAsync(tcp, authority, known, SslProtocols.Tls13));
        Assert.NotEmpty(await RefusalAsync(tcp, authority, null, SslProtocols.Tls13));
        Assert.NotEmpty(await RefusalAsync(tcp, authority, unknown, SslProtocols.Tls13));
        Assert.NotEmpty(await RefusalAsync(tcp, authority, unusable, SslProtocols.Tls13));
        Assert.NotEmpty(await RefusalAsync(tcp, authority, known, SslProtocols.Tls12));
        Assert.Equal("", await RefusalAsync(tcp, authority, known, SslProtocols.Tls13));
    }

    [Fact]
    public async Task A_certificate_of_a_stranger_makes_neither_side_fetch_its_issuer()
    {
        await using var issuer = new WatchedAddress();
        var extension = new X509AuthorityInformationAccessExtension([], [$"{issuer.Url}issuer.crt"]);
        using var authority = Authority("Cilium CA");
        using var stranger = Authority("a CA that is not trusted");
        using var server = IssueWith(stranger, "node-a.default.hubble-grpc.cilium.io", extension);
        using var client = IssueWith(stranger, "a.hubble-relay.cilium.io", extension);
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        var ca = Write("ca.crt", authority.ExportCertificatePem());
        await using var doors = DoorsOn(web, tcp, options =>
        {
            options.DisableTls = false;
            options.TlsCertFile = Write("server.crt", server.ExportCertificatePem());
            options.TlsKeyFile = Write("server.key", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            options.TlsClientCaFiles = [ca];
        });
        await doors.OpenAsync(Ct);

        var tls = new HubbleClientTls
        {
            AllowsInsecure = true,
            CertificateFile = Write("client.crt", client.ExportCertificatePem()),
            KeyFile = Write("client.key", client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        };
        Assert.False(await IsAnsweredAsync(tcp, tls));
        Assert.Equal(0, issuer.Connections);
        Assert.False(await IsAnsweredAsync(tcp, new HubbleClientTls { AuthorityFiles = [ca] }));
        Assert.Equal(0, issuer.Connections);
    }

    [Fact]
    public async Task Our_client_proves_itself_and_looks_at_the_name_it_is_told()
    {
        using var authority = Authority("Cilium CA");
        using var server = Issue(authority, "node-a.default.hubble-grpc.cilium.io");
        using var own = Issue(authority, "a.hubble-relay.cilium.io");
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        var ca = Write("ca.crt", authority.ExportCertificatePem());
        await using var doors = DoorsOn(web, tcp, options =>
        {
            options.DisableTls = false;
            options.TlsCertFile = Write("server.crt", server.ExportCertificatePem());
            options.TlsKeyFile = Write("server.key", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            options.TlsClientCaFiles = [ca];
        });
        await doors.OpenAsync(Ct);

        var tls = new HubbleClientTls
        {
            AuthorityFiles = [ca],
            CertificateFile = Write("client.crt", own.ExportCertificatePem()),
            KeyFile = Write("client.key", own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        };
        Assert.True(await IsAnsweredAsync(tcp, tls));
        Assert.True(await IsAnsweredAsync(tcp, tls with { ServerName = "node-a.default.hubble-grpc.cilium.io" }));
        Assert.False(await IsAnsweredAsync(tcp, tls with { ServerName = "node-b.default.hubble-grpc.cilium.io" }));
        Assert.True(await IsAnsweredAsync(tcp, tls with { ServerName = "node-b.default.hubble-grpc.cilium.io", AllowsInsecure = true }));
        Assert.False(await IsAnsweredAsync(tcp, tls with { CertificateFile = "", KeyFile = "" }));
        Assert.Throws<FormatException>(() => HubbleAddress.Parse($"tls://{tcp}").Open(TimeSpan.FromSeconds(30), tls with { KeyFile = "" }));
        Assert.Throws<FormatException>(() => HubbleAddress.Parse($"tls://{tcp}").Open(TimeSpan.FromSeconds(30), tls with { KeyFile = ca }));
    }

    [Fact]
    public async Task A_renewed_certificate_counts_for_the_next_connection_and_half_a_renewal_for_none()
    {
        using var authority = Authority("Cilium CA");
        using var first = Issue(authority, "first.hubble-grpc.cilium.io");
        using var second = Issue(authority, "second.hubble-grpc.cilium.io");
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        var written = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        string WriteAt(string name, string text)
        {
            var path = Write(name, text);
            // Each writing has its second, however fast they follow.
            File.SetLastWriteTimeUtc(path, written += TimeSpan.FromSeconds(1));
            return path;
        }

        var tls = new HubbleClientTls { AuthorityFiles = [Write("ca.crt", authority.ExportCertificatePem())] };
        await using var doors = DoorsOn(web, tcp, options =>
        {
            options.DisableTls = false;
            options.TlsCertFile = WriteAt("server.crt", first.ExportCertificatePem());
            options.TlsKeyFile = WriteAt("server.key", first.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        });
        await doors.OpenAsync(Ct);
        Assert.True(await IsAnsweredAsync(tcp, tls with { ServerName = "first.hubble-grpc.cilium.io" }));

        WriteAt("server.crt", second.ExportCertificatePem());
        Assert.True(await IsAnsweredAsync(tcp, tls with { ServerName = "first.hubble-grpc.cilium.io" }));

        WriteAt("server.key", second.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        Assert.True(await IsAnsweredAsync(tcp, tls with { ServerName = "second.hubble-grpc.cilium.io" }));
        Assert.False(await IsAnsweredAsync(tcp, tls with { ServerName = "first.hubble-grpc.cilium.io" }));
    }

    private static async Task<bool> IsAnsweredAsync(string address, HubbleClientTls tls)
    {
        using var channel = HubbleAddress.Parse($"tls://{address}").Open(TimeSpan.FromSeconds(30), tls);
        try
        {
            return (await new Observer.ObserverClient(channel).ServerStatusAsync(new ServerStatusRequest(), cancellationToken: Ct)).MaxFlows == 4095;
        }
        catch (Grpc.Core.RpcException)
        {
            return false;
        }
    }

    [Theory]
    [InlineData("", "hubble-tls-cert-file")]
    [InlineData("/no/such/server.crt", "/no/such/server.crt")]
    public async Task Without_the_files_of_TLS_there_is_no_TCP_door_and_the_socket_answers(string file, string told)
    {
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        await using var doors = DoorsOn(web, tcp, options => (options.DisableTls, options.TlsCertFile, options.TlsKeyFile) = (false, file, file));

        Assert.Contains(told, (await Assert.ThrowsAsync<IOException>(() => doors.OpenAsync(Ct))).Message, StringComparison.Ordinal);

        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(IPEndPoint.Parse(tcp), Ct).AsTask());
        using var channel = HubbleAddress.Parse($"unix://{SocketPath}").Open(TimeSpan.FromSeconds(30));
        Assert.Equal(4095ul, (await new Observer.ObserverClient(channel).ServerStatusAsync(new ServerStatusRequest(), cancellationToken: Ct)).MaxFlows);
    }

    [Fact]
    public async Task Files_that_hold_no_certificate_are_named()
    {
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        var file = Write("server.crt", "no certificate\n");
        await using var doors = DoorsOn(web, FreeAddress(), options => (options.DisableTls, options.TlsCertFile, options.TlsKeyFile) = (false, file, file));

        Assert.Contains(file, (await Assert.ThrowsAsync<IOException>(() => doors.OpenAsync(Ct))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_strangers_can_hold_of_the_TCP_door_is_bounded()
    {
        var tcp = FreeAddress();
        await using var web = new WebServer(NullLoggerFactory.Instance, TimeProvider.System);
        await web.StartAsync(Ct);
        await using var doors = DoorsOn(web, tcp);
        await doors.OpenAsync(Ct);
        var held = new List<Socket>();
        try
        {
            for (var i = 0; i < WebDoorOptions.ForStrangers.MaximumConnections; i++)
            {
                held.Add(await ConnectedAsync(tcp));
            }

            Assert.Equal(0, await AnswerBytesAsync(() => ConnectedAsync(tcp)));
            Assert.NotEqual(0, await AnswerBytesAsync(() => Task.FromResult(held[0])));
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    private static async Task<Socket> ConnectedAsync(string address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(address), Ct);
        return socket;
    }

    // A server of HTTP/2 answers the preface with its settings; a connection that was closed has nothing.
    private static async Task<int> AnswerBytesAsync(Func<Task<Socket>> connect)
    {
        try
        {
            using var socket = await connect();
            await socket.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray(), Ct);
            return await socket.ReceiveAsync(new byte[64], Ct);
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    /// <summary>Why a client is not answered; empty when it is.</summary>
    private static async Task<string> RefusalAsync(string address, X509Certificate2 authority, X509Certificate2? certificate, SslProtocols protocol)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false };
        var trusted = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trusted.CustomTrustStore.Add(authority);
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = protocol,
            CertificateChainPolicy = trusted,
            ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, [], offline: true),
        };
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress($"https://{address}", new Grpc.Net.Client.GrpcChannelOptions { HttpHandler = handler });
        try
        {
            Assert.Equal(4095ul, (await new Observer.ObserverClient(channel).ServerStatusAsync(new ServerStatusRequest(), cancellationToken: Ct)).MaxFlows);
            return "";
        }
        catch (Grpc.Core.RpcException refusal)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(refusal.ToString());
            return refusal.Status.Detail;
        }
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }

    private HubbleDoors DoorsOn(WebServer web, string listenAddress, Action<HubbleOptions>? configure = null)
    {
        var options = new HubbleOptions { NodeName = "node-a", SocketPath = SocketPath, ListenAddress = listenAddress, Version = "cilium v0" };
        configure?.Invoke(options);
        return new HubbleDoors(web, new FlowObserver(options, new HubbleIndex(), TimeProvider.System), new PeerDirectory(), NullLoggerFactory.Instance);
    }

    private static string FreeAddress()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint!.ToString()!;
    }
}
