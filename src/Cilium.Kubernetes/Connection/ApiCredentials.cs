using System.Net.Http.Headers;
using System.Text;
using k8s;
using k8s.Authentication;

namespace Cilium.Kubernetes;

/// <summary>What authenticates a request: a token, a token that is renewed (service accounts, exec plugins), or a name and password.</summary>
internal sealed class ApiCredentials
{
    private readonly AuthenticationHeaderValue? _fixed;
    private readonly ITokenProvider? _provider;

    private ApiCredentials(AuthenticationHeaderValue? header, ITokenProvider? provider)
    {
        _fixed = header;
        _provider = provider;
    }

    /// <summary>The credentials of a configuration, or null where a client certificate or nothing is enough.</summary>
    public static ApiCredentials? Of(KubernetesClientConfiguration configuration)
    {
        if (configuration.TokenProvider is { } provider)
        {
            return new ApiCredentials(null, provider);
        }

        if (configuration.AccessToken is { Length: > 0 } token)
        {
            return new ApiCredentials(new AuthenticationHeaderValue("Bearer", token), null);
        }

        return configuration.Username is { Length: > 0 } name
            ? new ApiCredentials(
                new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{configuration.Password}"))), null)
            : null;
    }

    /// <summary>The header of the next request.</summary>
    public ValueTask<AuthenticationHeaderValue> HeaderAsync(CancellationToken cancellationToken) =>
        _fixed is { } header
            ? ValueTask.FromResult(header)
            : new ValueTask<AuthenticationHeaderValue>(_provider!.GetAuthenticationHeaderAsync(cancellationToken));
}
