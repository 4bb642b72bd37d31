using System.Net;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Serving;
using Cilium.Kubernetes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Services;

/// <summary>
/// Tells load balancers outside the cluster whether this node has backends of services whose external traffic stays local: one HTTP port per service
/// (<c>healthCheckNodePort</c>), 200 with backends and 503 without, as kube-proxy answers.
/// </summary>
internal sealed partial class HealthCheckPorts(
    AgentTables tables, AgentOptions options, WebServer web, TimeProvider time, ILogger<HealthCheckPorts> logger)
    : IAgentLoop
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(5);
    private readonly Dictionary<ushort, WebDoor> _doors = [];
    private volatile IReadOnlyDictionary<ushort, HealthCheckAnswer> _answers = new Dictionary<ushort, HealthCheckAnswer>();

    public string Name => "service-health";

    /// <summary>What each port answers.</summary>
    /// <param name="services">The services.</param>
    /// <param name="slices">The endpoint slices.</param>
    /// <param name="nodeName">This node.</param>
    /// <param name="proxyName">Our service proxy name: the ports of other proxies' services are theirs.</param>
    public static Dictionary<ushort, HealthCheckAnswer> AnswersOf(
        IEnumerable<ServiceRow> services, IEnumerable<EndpointSliceRow> slices, string nodeName, string proxyName)
    {
        var answers = new Dictionary<ushort, HealthCheckAnswer>();
        var byService = slices.ToLookup(slice => slice.Service);
        foreach (var service in services
            .Where(service => service is { Type: "LoadBalancer", ExternalTrafficIsLocal: true, HealthCheckNodePort: > 0 } && ServiceFrontends.IsOurs(service, proxyName))
            .OrderBy(service => service.Namespace, StringComparer.Ordinal).ThenBy(service => service.Name, StringComparer.Ordinal))
        {
            // The API server gives each port once.
            answers.TryAdd(service.HealthCheckNodePort, new HealthCheckAnswer(service.Namespace, service.Name, ServiceFrontends.LocalEndpoints(service, byService[service.Key], nodeName)));
        }

        return answers;
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!options.Datapath.EnableNodePort)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken).ConfigureAwait(false);
        }

        await tables.Kubernetes.Services.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        await tables.Kubernetes.EndpointSlices.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var services = tables.Kubernetes.Services.Subscribe();
        using var slices = tables.Kubernetes.EndpointSlices.Subscribe();
        var wakeup = new Wakeup(time, services.WaitAsync, slices.WaitAsync);
        try
        {
            while (true)
            {
                services.Drain();
                slices.Drain();
                _answers = AnswersOf(
                    tables.Kubernetes.Services.Snapshot().Values, tables.Kubernetes.EndpointSlices.Snapshot().Values, options.NodeName, options.ServiceProxyName);
                var isDone = await ListenAsync(cancellationToken).ConfigureAwait(false);
                await wakeup.WaitAsync(isDone ? null : s_retry, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var door in _doors.Values)
            {
                await door.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <returns>False when a port is taken and must be tried again.</returns>
    private async Task<bool> ListenAsync(CancellationToken cancellationToken)
    {
        foreach (var port in _doors.Keys.Where(port => !_answers.ContainsKey(port)).ToList())
        {
            await _doors[port].DisposeAsync().ConfigureAwait(false);
            _doors.Remove(port);
        }

        var isDone = true;
        foreach (var port in _answers.Keys.Where(port => !_doors.ContainsKey(port)))
        {
            try
            {
                var address = new IPEndPoint(options.Datapath.EnableIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port);
                _doors[port] = await web.OpenAsync(address, context => AnswerAsync(context, port), WebDoorOptions.ForStrangers, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException exception)
            {
                LogTaken(logger, port, exception.Message);
                isDone = false;
            }
        }

        return isDone;
    }

    private Task AnswerAsync(HttpContext context, ushort port)
    {
        if (!_answers.TryGetValue(port, out var answer))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        context.Response.StatusCode = answer.LocalEndpoints > 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "application/json";
        context.Response.Headers["X-Content-Type-Options"] = "nosniff";
        context.Response.Headers["X-Load-Balancing-Endpoint-Weight"] = answer.LocalEndpoints.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return context.Response.WriteAsync(answer.ToJson(), context.RequestAborted);
    }

    [LoggerMessage(1, LogLevel.Warning, "Cannot listen on health check node port {Port}, trying again: {Reason}")]
    private static partial void LogTaken(ILogger logger, ushort port, string reason);
}

/// <summary>What a health check node port answers.</summary>
/// <param name="Namespace">Namespace of the service.</param>
/// <param name="Name">Its name.</param>
/// <param name="LocalEndpoints">Its ready backends on this node.</param>
internal sealed record HealthCheckAnswer(string Namespace, string Name, int LocalEndpoints)
{
    /// <summary>As kube-proxy writes it. Names of services need no escapes.</summary>
    public string ToJson() => $$"""{"service":{"namespace":"{{Namespace}}","name":"{{Name}}"},"localEndpoints":{{LocalEndpoints}},"serviceProxyHealthy":true}""";
}
