using System.Net;
using System.Net.Sockets;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Api;
using Cilium.ControlPlane.Serving;
using Microsoft.AspNetCore.Http;

namespace Cilium.ControlPlane.Health;

/// <summary>
/// Answers other nodes' probes: <c>GET /hello</c> on the node's addresses and in the health endpoint's namespace. On <c>health.sock</c> it tells what
/// this node's own probes found, as upstream's <c>cilium-health</c> does.
/// </summary>
internal sealed class HealthServer : IAsyncDisposable
{
    private readonly List<WebDoor> _doors = [];

    private HealthServer()
    {
    }

    /// <summary>Binds everything and begins to answer.</summary>
    /// <param name="web">What serves.</param>
    /// <param name="agent">The agent.</param>
    /// <param name="prober">This node's probes.</param>
    /// <param name="space">The health endpoint, or null when there is none.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="IOException">The port or the socket is taken.</exception>
    public static async Task<HealthServer> OpenAsync(
        WebServer web, AgentContext agent, HealthProber prober, HealthNamespace? space, CancellationToken cancellationToken)
    {
        var server = new HealthServer();
        try
        {
            // The lock on the state directory says that nobody listens.
            server._doors.Add(await web.OpenUnixAsync(
                agent.Options.EffectiveHealthSocketPath, context => AnswerOwnerAsync(context, agent, prober), isHttp2: false, cancellationToken).ConfigureAwait(false));
            // Nodes may have addresses of a family that pods have not.
            await server.OpenToProbesAsync(web, agent, Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, WebDoorOptions.ForStrangers, cancellationToken).ConfigureAwait(false);
            foreach (var address in space?.Endpoint.Addresses() ?? [])
            {
                var within = WebDoorOptions.ForStrangers with { Bind = space!.Bind };
                await server.OpenToProbesAsync(web, agent, address.ToIPAddress(), within, cancellationToken).ConfigureAwait(false);
            }

            return server;
        }
        catch (Exception)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops answering.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var door in _doors)
        {
            await door.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task OpenToProbesAsync(WebServer web, AgentContext agent, IPAddress address, WebDoorOptions options, CancellationToken cancellationToken) =>
        _doors.Add(await web.OpenAsync(new IPEndPoint(address, agent.Options.ClusterHealthPort), AnswerProbe, options, cancellationToken).ConfigureAwait(false));

    private static Task AnswerProbe(HttpContext context)
    {
        context.Response.StatusCode = context.Request.Path == HealthProbe.Path ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static async Task AnswerOwnerAsync(HttpContext context, AgentContext agent, HealthProber prober)
    {
        switch (context.Request.Method, context.Request.Path.Value)
        {
            case ("GET", "/v1beta/status"):
                await context.AnswerAsync(prober.Report(), ApiJson.Default.HealthStatusResponse).ConfigureAwait(false);
                break;
            case ("PUT", "/v1beta/status/probe"):
                await prober.ProbeAllAsync(context.RequestAborted).ConfigureAwait(false);
                await context.AnswerAsync(prober.Report(), ApiJson.Default.HealthStatusResponse).ConfigureAwait(false);
                break;
            case ("GET", "/v1beta/healthz"):
                await context.AnswerAsync(HealthModels.SelfOf(agent), ApiJson.Default.HealthResponse).ConfigureAwait(false);
                break;
            default:
                await context.FailAsync(StatusCodes.Status404NotFound, $"{context.Request.Method} {context.Request.Path} was not found").ConfigureAwait(false);
                break;
        }
    }
}
