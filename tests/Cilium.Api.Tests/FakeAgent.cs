using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cilium.Api.Tests;

/// <summary>An agent's API on a Unix socket that remembers what it was asked.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private readonly WebApplication _application;
    private int _nextAddress = 10;

    private FakeAgent(WebApplication application, string directory)
    {
        _application = application;
        Directory = directory;
    }

    public string Directory { get; }

    public string SocketPath => Path.Combine(Directory, "cilium.sock");

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>The connection of each request.</summary>
    public ConcurrentQueue<string> Connections { get; } = new();

    public ConcurrentDictionary<string, string> Addresses { get; } = new();

    public ConcurrentDictionary<string, EndpointChangeRequest> Endpoints { get; } = new();

    /// <summary>When set, PUT endpoint answers this status.</summary>
    public int RefuseEndpoints { get; set; }

    /// <summary>Attachments whose DELETE by name is refused.</summary>
    public HashSet<string> RefusedEndpoints { get; } = [];

    /// <summary>When set, DELETE endpoint answers this status.</summary>
    public int RefuseDeletions { get; set; }

    /// <summary>How long DELETE endpoint takes to refuse.</summary>
    public TimeSpan RefusalTakes { get; set; }

    /// <summary>Called once DELETE endpoint is refused.</summary>
    public Action? Refused { get; set; }

    public bool IsReady { get; set; } = true;

    public bool HasIPv6 { get; init; }

    public static string NewDirectory() => System.IO.Directory.CreateTempSubdirectory("cilium-api-").FullName;

    public static async Task<FakeAgent> StartAsync(string? directory = null, bool hasIPv6 = false)
    {
        directory ??= NewDirectory();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(Path.Combine(directory, "cilium.sock")));
        var application = builder.Build();
        var agent = new FakeAgent(application, directory) { HasIPv6 = hasIPv6 };
        application.Use((context, next) =>
        {
            agent.Connections.Enqueue(context.Connection.Id);
            agent.Requests.Enqueue($"{context.Request.Method} {context.Request.Path}");
            return next(context);
        });
        application.MapGet("/v1/config", agent.GetConfiguration);
        application.MapGet("/v1/healthz", agent.GetStatus);
        application.MapPost("/v1/ipam", agent.Allocate);
        application.MapDelete("/v1/ipam/{ip}", agent.Release);
        application.MapGet("/v1/endpoint", agent.List);
        application.MapPut("/v1/endpoint/{id}", agent.Create);
        application.MapDelete("/v1/endpoint/{id}", agent.DeleteOne);
        application.MapDelete("/v1/endpoint", agent.DeleteAll);
        application.MapGet("/v1/endpoint/{id}/healthz", agent.Health);
        await application.StartAsync();
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        if (System.IO.Directory.Exists(Directory))
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }

    public async Task StopAsync()
    {
        await _application.StopAsync();
        File.Delete(SocketPath);
    }

    private Task GetConfiguration(HttpContext context) => context.Response.WriteAsJsonAsync(
        new DaemonConfiguration { Status = new DaemonConfigurationStatus { DeviceMtu = 1500, RouteMtu = 1450 } },
        ApiJson.Default.DaemonConfiguration);

    private Task GetStatus(HttpContext context) => context.Response.WriteAsJsonAsync(
        new StatusResponse { Cilium = new Status { State = IsReady ? StatusStates.Ok : StatusStates.Failure, Msg = "starting" } },
        ApiJson.Default.StatusResponse);

    private Task Allocate(HttpContext context)
    {
        var number = Interlocked.Increment(ref _nextAddress);
        var owner = context.Request.Query["owner"].ToString();
        var ipv4 = $"10.1.0.{number}";
        var ipv6 = HasIPv6 ? $"fd00::{number:x}" : null;
        Addresses[ipv4] = owner;
        if (ipv6 is not null)
        {
            Addresses[ipv6] = owner;
        }

        context.Response.StatusCode = 201;
        return context.Response.WriteAsJsonAsync(
            new IpamResponse
            {
                Address = new AddressPair { Ipv4 = ipv4, Ipv6 = ipv6 },
                HostAddressing = new NodeAddressing
                {
                    Ipv4 = new NodeAddressingElement { Enabled = true, Ip = "10.1.0.1" },
                    Ipv6 = ipv6 is null ? null : new NodeAddressingElement { Enabled = true, Ip = "fd00::1" },
                },
                Ipv4 = new IpamAddressResponse { Ip = ipv4, Gateway = "10.1.0.1", ExpirationUuid = "u-4" },
            },
            ApiJson.Default.IpamResponse);
    }

    private Task Release(HttpContext context)
    {
        context.Response.StatusCode = Addresses.TryRemove((string)context.Request.RouteValues["ip"]!, out _) ? 200 : 404;
        return Task.CompletedTask;
    }

    private Task List(HttpContext context) => context.Response.WriteAsJsonAsync(
        (IReadOnlyList<EndpointModel>)
        [
            .. Endpoints.Keys.Select(key => new EndpointModel
            {
                Status = new EndpointStatusModel { ExternalIdentifiers = new EndpointIdentifiers { CniAttachmentId = key } },
            }),
        ],
        ApiJson.Default.IReadOnlyListEndpointModel);

    private async Task Create(HttpContext context)
    {
        var request = await context.Request.ReadFromJsonAsync(ApiJson.Default.EndpointChangeRequest);
        if (RefuseEndpoints != 0)
        {
            context.Response.StatusCode = RefuseEndpoints;
            await context.Response.WriteAsJsonAsync("no identity", ApiJson.Default.String);
            return;
        }

        Endpoints[$"{request!.ContainerId}:{request.ContainerInterfaceName}"] = request;
        context.Response.StatusCode = 201;
        await context.Response.WriteAsJsonAsync(new EndpointModel { Id = 7 }, ApiJson.Default.EndpointModel);
    }

    private Task DeleteOne(HttpContext context)
    {
        var key = ((string)context.Request.RouteValues["id"]!).Replace("cni-attachment-id:", "", StringComparison.Ordinal);
        context.Response.StatusCode = RefusedEndpoints.Contains(key) ? 500 : Endpoints.TryRemove(key, out _) ? 200 : 404;
        return Task.CompletedTask;
    }

    private async Task DeleteAll(HttpContext context)
    {
        var request = await context.Request.ReadFromJsonAsync(ApiJson.Default.EndpointBatchDeleteRequest);
        if (RefuseDeletions != 0)
        {
            context.Response.StatusCode = RefuseDeletions;
            await Task.Delay(RefusalTakes);
            Refused?.Invoke();
            return;
        }

        var found = Endpoints.Where(pair => pair.Value.ContainerId == request!.ContainerId).Select(pair => pair.Key).ToList();
        foreach (var key in found)
        {
            Endpoints.TryRemove(key, out var endpoint);
            Addresses.TryRemove(endpoint!.Addressing!.Ipv4!, out _);
        }

        context.Response.StatusCode = found.Count > 0 ? 200 : 404;
    }

    private Task Health(HttpContext context)
    {
        var key = ((string)context.Request.RouteValues["id"]!).Replace("cni-attachment-id:", "", StringComparison.Ordinal);
        if (!Endpoints.ContainsKey(key))
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        }

        return context.Response.WriteAsJsonAsync(new EndpointHealth { OverallHealth = "OK", Connected = true }, ApiJson.Default.EndpointHealth);
    }
}
