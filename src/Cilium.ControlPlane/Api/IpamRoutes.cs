using Cilium.Api;
using Cilium.ControlPlane.Agent;
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

    private static Task Allocate(HttpContext context, AgentContext agent)
    {
        var family = context.Request.Query["family"].ToString();
        var owner = context.Request.Query["owner"].ToString();
        var pool = context.Request.Query["pool"].ToString();
        if (family is not ("" or "ipv4" or "ipv6"))
        {
            return context.FailAsync(StatusCodes.Status400BadRequest, $"family '{family}' is neither ipv4 nor ipv6");
        }

        if (owner.Length == 0)
        {
            return context.FailAsync(StatusCodes.Status400BadRequest, "owner is required");
        }

        if (pool is not ("" or "default"))
        {
            return context.FailAsync(StatusCodes.Status400BadRequest, $"there is no pool '{pool}' in IPAM mode {agent.Options.Ipam}");
        }

        var expires = context.Request.Query["expiration"] == "true" || context.Request.Headers["Expiration"] == "true";
        var given = agent.Ipam.Allocate(owner, family is "" or "ipv4", family is "" or "ipv6", expires);
        if (!given.IsOk)
        {
            return context.FailAsync(StatusCodes.Status502BadGateway, given.Message);
        }

        var host = NodeAddressingModels.RouterOf(agent);
        return context.AnswerAsync(
            new IpamResponse
            {
                HostAddressing = host,
                Address = new AddressPair
                {
                    Ipv4 = given.IPv4?.Address.ToString(),
                    Ipv4PoolName = given.IPv4 is null ? null : "default",
                    Ipv6 = given.IPv6?.Address.ToString(),
                    Ipv6PoolName = given.IPv6 is null ? null : "default",
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
        var pool = address.IsIPv4 ? agent.Ipam.IPv4 : agent.Ipam.IPv6;
        var isReleased = pool is not null && (owner.Length > 0 ? pool.Release(address, owner) : pool.Release(address));
        return isReleased ? Empty(context) : context.FailAsync(StatusCodes.Status404NotFound, $"{address} is not in use");
    }

    private static Task Empty(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        return Task.CompletedTask;
    }

    private static IpamAddressResponse? ResponseOf(AddressLease? lease, string? gateway) => lease is null ? null : new IpamAddressResponse
    {
        Ip = lease.Address.ToString(),
        Gateway = gateway,
        ExpirationUuid = lease.ExpirationId?.ToString(),
    };
}
