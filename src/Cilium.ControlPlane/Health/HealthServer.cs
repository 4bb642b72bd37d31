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
internal static class HealthServer
{
    /// <summary>Binds everything and begins to answer.</summary>
    /// <param name="web">What serves.</param>
    /// <param name="agent">The agent.</param>
    /// <param name="prober">This node's probes.</param>
    /// <param name="space">The health endpoint, or null when there is none.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="IOException">The port or the socket is taken.</exception>
    public static Task<WebDoors> OpenAsync(WebServer web, AgentContext agent, HealthProber prober, HealthNamespace? space, CancellationToken cancellationToken)
    {
        // Nodes may have addresses of a family that pods have not.
        var any = Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        var openings = new List<Func<Task<WebDoor>>>
        {
            // The lock on the state directory says that nobody listens.
            () => web.OpenUnixAsync(
                agent.Options.EffectiveHealthSocketPath, context => AnswerOwnerAsync(context, agent, prober), isHttp2: false, cancellationToken),
            () => web.OpenAsync(ProbedAt(any), AnswerProbe, WebDoorOptions.ForStrangers, cancellationToken),
        };
        foreach (var address in space?.Endpoint.Addresses() ?? [])
        {
            var within = WebDoorOptions.ForStrangers with { Bind = space!.Bind };
            openings.Add(() => web.OpenAsync(ProbedAt(address.ToIPAddress()), AnswerProbe, within, cancellationToken));
        }

        return WebDoors.OpenAsync(openings);

        IPEndPoint ProbedAt(IPAddress address) => new(address, agent.Options.ClusterHealthPort);
    }

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
