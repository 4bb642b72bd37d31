using System.Net;
using System.Net.Sockets;
using Cilium.ControlPlane.Observation;
using Cilium.ControlPlane.Serving;
using Cilium.Hubble.Client;
using Cilium.Hubble.Enrichment;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Proto;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.Logging.Abstractions;

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

    private HubbleDoors DoorsOn(WebServer web, string listenAddress)
    {
        var options = new HubbleOptions { NodeName = "node-a", SocketPath = SocketPath, ListenAddress = listenAddress, Version = "cilium v0" };
        return new HubbleDoors(web, new FlowObserver(options, new HubbleIndex(), TimeProvider.System), new PeerDirectory(), NullLoggerFactory.Instance);
    }

    private static string FreeAddress()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint!.ToString()!;
    }
}
