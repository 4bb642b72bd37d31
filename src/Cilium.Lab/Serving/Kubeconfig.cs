using System.Text;

namespace Cilium.Lab.Serving;

/// <summary>Writes kubeconfig files.</summary>
internal static class Kubeconfig
{
    public static string Render(string context, string server, string authorityPem, string token) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: {context}
          cluster:
            certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(authorityPem))}
            server: {server}
        contexts:
        - name: {context}
          context:
            cluster: {context}
            user: {context}
        current-context: {context}
        preferences: {"{}"}
        users:
        - name: {context}
          user:
            token: {token}

        """;
}
