/** The pages in German. */
import type { PageTexts } from './page_texts.ts'

export const GERMAN: PageTexts = {
  pages: {
    bad_request: {
      title: 'Diese Anfrage ist nicht lesbar',
      text: 'Die Adresse oder ein anderer Teil der Anfrage ist ungültig. Prüfen Sie die Adresse, oder folgen Sie einem Link von der Startseite.',
    },
    login_required: {
      title: 'Sie sind hier nicht angemeldet',
      text: 'Diese Seite verlangt eine Anmeldung. Melden Sie sich an, und öffnen Sie die Seite dann noch einmal.',
      login: 'Anmelden',
    },
    login_not_received: {
      title: 'Sie sind hier nicht angemeldet',
      text: 'Sie kommen von der Anmeldung, aber diese Seite hat keine gültige Sitzung erhalten. Vielleicht blockiert Ihr Browser Cookies, oder das Cookie gehört zu einer anderen Website.',
      login: 'Anmelden',
    },
    not_allowed: {
      title: 'Sie haben keinen Zugriff auf diese Seite',
      text: 'Ihr Konto hat keinen Zugriff auf diese Seite. Wenn Sie Zugriff brauchen, wenden Sie sich an den Betreiber der Website.',
      login: 'Mit einem anderen Konto anmelden',
    },
    not_found: {
      title: 'Diese Seite gibt es nicht',
      text: 'Unter dieser Adresse gibt es keine Seite. Vielleicht enthält die Adresse einen Tippfehler, oder die Seite ist umgezogen.',
    },
    rate_limited: {
      title: 'Zu viele Anfragen',
      text: 'Diese Website hat in kurzer Zeit zu viele Anfragen erhalten. Warten Sie einen Moment, und versuchen Sie es dann erneut.',
    },
    failure: {
      title: 'Etwas ist schiefgegangen',
      text: 'Diese Seite kann wegen eines Fehlers der Website nicht angezeigt werden. Sie haben nichts falsch gemacht. Versuchen Sie es später noch einmal.',
    },
    unavailable: {
      title: 'Bitte versuchen Sie es gleich noch einmal',
      text: 'Ihr Zugriff kann im Moment nicht geprüft werden. Sie müssen sich nicht neu anmelden. Laden Sie die Seite in einigen Minuten neu.',
    },
    enrollment_required: {
      title: 'Diese Seite verlangt einen zweiten Faktor',
      text: 'Ihr Konto hat noch keinen zweiten Faktor. Richten Sie einen in den Einstellungen Ihres Kontos ein, zum Beispiel eine Authenticator-App, einen Sicherheitsschlüssel oder Backup-Codes. Öffnen Sie diese Seite danach noch einmal.',
    },
    second_factor_required: {
      title: 'Diese Seite verlangt einen zweiten Faktor',
      text: 'Sie haben sich ohne zweiten Faktor angemeldet. Wenn Ihr Konto noch keinen hat, richten Sie zuerst einen in den Einstellungen Ihres Kontos ein, zum Beispiel eine Authenticator-App, einen Sicherheitsschlüssel oder Backup-Codes.',
      login: 'Zweiten Faktor verwenden',
    },
    reauthentication_required: {
      title: 'Diese Seite verlangt eine neue Anmeldung',
      text: 'Diese Seite verlangt eine neuere Anmeldung oder eine andere Anmeldemethode. Wenn Ihr Konto diese Methode noch nicht hat, richten Sie sie zuerst in den Einstellungen Ihres Kontos ein.',
      login: 'Erneut anmelden',
    },
  },
  startPage: 'Zur Startseite',
  tryAgain: 'Erneut versuchen',
  accountSettings: 'Einstellungen Ihres Kontos',
  contactSupport: 'Support kontaktieren',
  reference: 'Referenz',
}
