using System.Net;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Api;

/// <summary>The agent's REST API on its Unix socket, and <c>/healthz</c> on the loopback address.</summary>
public sealed class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private ApiServer(WebApplication application) => _application = application;

    /// <summary>Binds both and begins to answer; until the agent accepts, everything but its status is refused with 503.</summary>
    /// <exception cref="IOException">The socket or port is taken.</exception>
    public static async Task<ApiServer> StartAsync(AgentContext agent, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(agent);
        var socket = agent.Options.EffectiveSocketPath;
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!);
        // The lock on the state directory says that nobody listens: what is there is the rest of a killed agent.
        File.Delete(socket);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenUnixSocket(socket);
            if (agent.Options.HealthPort > 0)
            {
                kestrel.Listen(IPAddress.Loopback, agent.Options.HealthPort);
            }
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(loggers);
        var application = builder.Build();
        application.Use((context, next) => GuardAsync(context, next, agent));
        application.UseRouting();
        StatusRoutes.Map(application, agent);
        IpamRoutes.Map(application, agent);
        EndpointRoutes.Map(application, agent);
        TableRoutes.Map(application, agent);
        await application.StartAsync(cancellationToken).ConfigureAwait(false);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        }

        return new ApiServer(application);
    }

    /// <summary>Stops answering.</summary>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private static async Task GuardAsync(HttpContext context, RequestDelegate next, AgentContext agent)
    {
        if (context.Connection.LocalPort > 0)
        {
            // The loopback port speaks of health only.
            context.Response.StatusCode = context.Request.Path != "/healthz" ? StatusCodes.Status404NotFound
                : agent.Readiness.IsReady ? StatusCodes.Status200OK
                : StatusCodes.Status503ServiceUnavailable;
            return;
        }

        if (!agent.Readiness.IsAccepting && context.Request.Path != "/v1/healthz")
        {
            await context.FailAsync(StatusCodes.Status503ServiceUnavailable, $"the agent is starting: {agent.Readiness.Phase}").ConfigureAwait(false);
            return;
        }

        try
        {
            await next(context).ConfigureAwait(false);
            if (context.Response.StatusCode == StatusCodes.Status404NotFound && !context.Response.HasStarted)
            {
                await context.FailAsync(StatusCodes.Status404NotFound, $"path {context.Request.Path} was not found").ConfigureAwait(false);
            }
        }
        catch (EndpointException exception)
        {
            await context.FailAsync(exception.StatusCode, exception.Message).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for the answer; what was begun has been undone by whoever began it.
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
    }
}
