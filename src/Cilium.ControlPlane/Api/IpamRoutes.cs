using Cilium.Api;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Ipam;
using Cilium.Core;
using Cilium.Ipam;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cilium.ControlPlane.Api;

/// <summary>ipam: addresses are given and taken back.</summary>
internal static class IpamRoutes
{
    public static void Map(IEndpointRouteBuilder routes, AgentContext agent)
    {
        routes.MapPost("/v1/ipam", context => Allocate(context, agent));
        routes.MapPost("/v1/ipam/{ip}", context => AllocateOne(context, agent));
        routes.MapDelete("/v1/ipam/{ip}", context => Release(context, agent));
    }

    private static async Task Allocate(HttpContext context, AgentContext agent)
    {
        var family = context.Request.Query["family"].ToString();
        var owner = context.Request.Query["owner"].ToString();
        var pool = context.Request.Query["pool"].ToString();
        if (family is not ("" or "ipv4" or "ipv6"))
        {
            await context.FailAsync(StatusCodes.Status400BadRequest, $"family '{family}' is neither ipv4 nor ipv6");
            return;
        }

        if (owner.Length == 0)
        {
            await context.FailAsync(StatusCodes.Status400BadRequest, "owner is required");
            return;
        }

        if (pool is not ("" or PoolNames.Default) && agent.Ipam is not MultiPoolIpam)
        {
            await context.FailAsync(StatusCodes.Status400BadRequest, $"there is no pool '{pool}' in IPAM mode {agent.Options.Ipam}");
            return;
        }

        var expires = context.Request.Query["expiration"] == "true" || context.Request.Headers["Expiration"] == "true";
        var request = new AddressRequest(owner) { IPv4Pool = pool, IPv6Pool = pool, WantsIPv4 = family is "" or "ipv4", WantsIPv6 = family is "" or "ipv6", Expires = expires };
        var given = await AddressRequests.AnswerAsync(agent, request, context.RequestAborted);
        if (!given.IsOk)
        {
            await context.FailAsync(StatusCodes.Status502BadGateway, given.Message);
            return;
        }

        var host = NodeAddressingModels.RouterOf(agent);
        await context.AnswerAsync(
            new IpamResponse
            {
                HostAddressing = host,
                Address = new AddressPair
                {
                    Ipv4 = given.IPv4?.Address.ToString(),
                    Ipv4PoolName = given.IPv4?.Pool,
                    Ipv6 = given.IPv6?.Address.ToString(),
                    Ipv6PoolName = given.IPv6?.Pool,
                },
                Ipv4 = ResponseOf(given.IPv4, host.Ipv4?.Ip),
                Ipv6 = ResponseOf(given.IPv6, host.Ipv6?.Ip),
            },
            ApiJson.Default.IpamResponse,
            StatusCodes.Status201Created);
    }

    private static Task AllocateOne(HttpContext context, AgentContext agent)
    {
        if (!IpAddr.TryParse(context.Route("ip"), out var address))
        {
            return context.FailAsync(StatusCodes.Status400BadRequest, $"'{context.Route("ip")}' is not an IP address");
        }

        var owner = context.Request.Query["owner"].ToString();
        if (owner.Length == 0)
        {
            return context.FailAsync(StatusCodes.Status400BadRequest, "owner is required");
        }

        var result = agent.Ipam.Allocate(address, owner);
        return result.Status switch
        {
            AllocationStatus.Ok => Empty(context),
            AllocationStatus.InUse => context.FailAsync(StatusCodes.Status409Conflict, result.Message),
            _ => context.FailAsync(StatusCodes.Status400BadRequest, result.Message),
        };
    }

    private static Task Release(HttpContext context, AgentContext agent)
    {
        if (!IpAddr.TryParse(context.Route("ip"), out var address))
        {
            return context.FailAsync(StatusCodes.Status400BadRequest, $"'{context.Route("ip")}' is not an IP address");
        }

        if (agent.Tables.Endpoints.Snapshot().Values.FirstOrDefault(row => row.Addresses().Contains(address)) is { } endpoint)
        {
            return context.FailAsync(StatusCodes.Status409Conflict, $"{address} belongs to endpoint {endpoint.Id}");
        }

        var owner = context.Request.Query["owner"].ToString();
        var isReleased = owner.Length > 0 ? agent.Ipam.Release(address, owner) : agent.Ipam.Release(address);
        return isReleased ? Empty(context) : context.FailAsync(StatusCodes.Status404NotFound, $"{address} is not in use");
    }

    private static Task Empty(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        return Task.CompletedTask;
    }

    private static IpamAddressResponse? ResponseOf(AddressLease? given, string? gateway) => given is not { } lease ? null : new IpamAddressResponse
    {
        Ip = lease.Address.ToString(),
        Gateway = gateway,
        ExpirationUuid = lease.ExpirationId?.ToString(),
    };
}
