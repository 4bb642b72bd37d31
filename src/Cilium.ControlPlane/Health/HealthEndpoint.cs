using System.Net.Sockets;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Serving;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Health;

/// <summary>Keeps this node's health endpoint and what answers probes, making them anew when they are gone.</summary>
/// <remarks>Begins a second after the agent is ready: the pods that waited for the node come first.</remarks>
internal sealed partial class HealthEndpoint(
    AgentContext agent, WebServer web, LocalNodeRow self, HealthProber prober, ILogger<HealthEndpoint> logger) : IAgentLoop
{
    private static readonly TimeSpan s_afterFirstPods = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(30);
    private HealthNamespace? _space;
    private LocalEndpointRow? _endpoint;
    private WebDoors? _doors;
    private string _complaint = "";

    public string Name => "cilium-health-ep";

    private bool HasEndpoint => _endpoint is { } endpoint && agent.Tables.Endpoints.TryGet(endpoint.Id, out _)
        && agent.Devices.All().GetValueOrDefault(endpoint.InterfaceIndex) == endpoint.InterfaceName;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await agent.Readiness.WaitReadyAsync(cancellationToken).ConfigureAwait(false);
        await Task.Delay(s_afterFirstPods, agent.Time, cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                await LookAsync(cancellationToken).ConfigureAwait(false);
                await agent.Time.DelayToTickAsync(s_look, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // The endpoint's rows stay in the maps until the next start, like all others; its device goes with the namespace.
            await CloseAsync().ConfigureAwait(false);
            _space?.Dispose();
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (agent.Options.HasHealthEndpoint && !HasEndpoint)
            {
                await RemoveEndpointAsync().ConfigureAwait(false);
                await MakeEndpointAsync(cancellationToken).ConfigureAwait(false);
            }

            _doors ??= await HealthServer.OpenAsync(web, agent, prober, _endpoint is null ? null : _space, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is NetlinkException or EndpointException or IOException or SocketException or InvalidOperationException)
        {
            Complain(exception.Message);
        }
    }

    // Without an endpoint the node's own addresses are answered for all the same; with a new one all is opened anew, to listen in it too.
    private async Task MakeEndpointAsync(CancellationToken cancellationToken)
    {
        if (new HealthAddressPlan(agent.Tables, agent.Options, agent.Ipam).Take(out var refusal) is not { } addresses)
        {
            Complain(refusal);
            return;
        }

        _space = HealthNamespace.Create(addresses, self, agent.Datapath.DeviceMtu, agent.Datapath.RouteMtu, agent.Time.GetUtcNow());
        _endpoint = await agent.Registry.AddOwnAsync(_space.Endpoint, cancellationToken).ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        _complaint = "";
    }

    private async Task RemoveEndpointAsync()
    {
        if (_space is null)
        {
            return;
        }

        await CloseAsync().ConfigureAwait(false);
        if (_endpoint is { } endpoint)
        {
            agent.Registry.Delete(row => row.Id == endpoint.Id);
        }

        _space.Dispose();
        (_endpoint, _space) = (null, null);
    }

    private async Task CloseAsync()
    {
        if (_doors is { } open)
        {
            _doors = null;
            await open.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Complain(string reason)
    {
        // Looked at twice a minute, told once.
        if (reason != _complaint)
        {
            _complaint = reason;
            LogFailed(logger, reason);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The health endpoint is not as it should be, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
