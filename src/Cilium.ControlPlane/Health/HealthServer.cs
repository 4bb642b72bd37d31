using System.Net;
using System.Net.Sockets;
using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Cilium.ControlPlane.Health;

/// <summary>
/// Answers other nodes' probes: <c>GET /hello</c> on the node's addresses and in the health endpoint's namespace. On <c>health.sock</c> it tells what
/// this node's own probes found, as upstream's <c>cilium-health</c> does.
/// </summary>
internal static class HealthServer
{
    private const int MaximumConnections = 256;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Binds everything and begins to answer.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="prober">This node's probes.</param>
    /// <param name="space">The health endpoint, or null when there is none.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="IOException">The port or the socket is taken.</exception>
    public static async Task<WebApplication> StartAsync(AgentContext agent, HealthProber prober, HealthNamespace? space, CancellationToken cancellationToken)
    {
        var (options, socket) = (agent.Options, agent.Options.EffectiveHealthSocketPath);
        // The lock on the state directory says that nobody listens: what is there is the rest of a killed agent.
        File.Delete(socket);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore()
            .UseSockets(sockets => sockets.CreateBoundListenSocket = endpoint => space is not null && space.Has(endpoint)
                ? space.Bind(endpoint)
                : Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint))
            .ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                // Anybody may come: what they can hold is bounded.
                kestrel.Limits.MaxConcurrentConnections = MaximumConnections;
                kestrel.Limits.MaxRequestBodySize = 0;
                kestrel.Limits.MaxRequestHeadersTotalSize = 4096;
                kestrel.Limits.RequestHeadersTimeout = s_patience;
                kestrel.Limits.KeepAliveTimeout = s_patience;
                kestrel.ListenUnixSocket(socket);
                // Nodes may have addresses of a family that pods have not.
                kestrel.Listen(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, options.ClusterHealthPort);
                foreach (var address in space?.Endpoint.Addresses() ?? [])
                {
                    kestrel.Listen(address.ToIPAddress(), options.ClusterHealthPort);
                }
            });
        var server = builder.Build();
        server.Run(context => context.Connection.LocalPort > 0 ? AnswerProbe(context) : AnswerOwnerAsync(context, agent, prober));
        try
        {
            await server.StartAsync(cancellationToken).ConfigureAwait(false);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
            }

            return server;
        }
        catch (Exception)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
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
